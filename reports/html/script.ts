/**
 * What the page does once it is open: filters, copying, links into rows, charts. Plain browser JavaScript in a text,
 * so that the package needs no step that copies or bundles it; `test/report-browser.test.ts` runs it.
 */
export const PAGE_SCRIPT: string = String.raw`
"use strict";
(() => {
  const form = document.getElementById("filters");
  const rows = [...document.querySelectorAll("details.row")];

  if (form) {
    const chips = [...form.querySelectorAll(".chip")];
    const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const apply = () => {
      const wanted = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const standings = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.standing);
      const category = form.elements.category.value;
      const level = form.elements.level.value;
      let shown = 0;
      for (const row of rows) {
        const fits = wanted.every((word) => words.get(row).includes(word))
          && (standings.length === 0 || standings.includes(row.dataset.standing))
          && (category === "" || row.dataset.category === category)
          && (level === "" || row.dataset.level === level);
        row.hidden = !fits;
        if (fits) shown += 1;
      }
      document.getElementById("shown").textContent = shown === rows.length ? rows.length + " in all" : shown + " of " + rows.length + " shown";
      document.getElementById("none").hidden = shown > 0;
    };
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
        apply();
      });
    }
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();

    const follow = () => {
      const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!row || !row.matches("details.row")) return;
      if (row.hidden) {
        form.reset();
        for (const chip of chips) chip.setAttribute("aria-pressed", "false");
        apply();
      }
      row.open = true;
      row.scrollIntoView({ block: "start" });
    };
    addEventListener("hashchange", follow);
    follow();
  }

  for (const button of document.querySelectorAll("button.copy")) {
    const code = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  const block = document.getElementById("chart-data");
  if (!block || typeof Chart === "undefined") return;
  const { load, capacity } = JSON.parse(block.textContent);
  let drawn = [];
  const draw = () => {
    for (const chart of drawn) chart.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    const fill = (name) => colour(name) + "1f";
    const ink = colour("muted");
    const grid = colour("line");
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 11.5;
    Chart.defaults.color = ink;
    Chart.defaults.animation = false;
    const number = (value) => Number(value).toLocaleString("en", { maximumFractionDigits: 2 });
    const axis = (options) => ({ grid: { color: grid, drawTicks: false }, border: { display: false }, ticks: { padding: 8, maxTicksLimit: 6, callback: number }, ...options });
    const options = (many, extra) => ({
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: many, align: "start", labels: { boxWidth: 14, boxHeight: 0, padding: 14 } },
        tooltip: { backgroundColor: colour("ink"), titleColor: colour("page"), bodyColor: colour("page"), displayColors: false, padding: 10, cornerRadius: 4 },
      },
      ...extra,
    });
    drawn = [];
    if (capacity) drawn.push(overLoad(capacity, { colour, axis, options, number }));
    if (load) drawn.push(...overRun(load, { colour, fill, axis, options, number }));
    document.documentElement.dataset.drawn = "true";
  };
  const overRun = ({ series, percentiles, faults }, { colour, fill, axis, options, number }) => {
    // Seconds as a place among the points, which may stand for several seconds each.
    const placeOf = (second) => {
      const after = series.findIndex((point) => point.t >= second);
      if (after < 0) return series.length - 1;
      if (after === 0) return 0;
      const [left, right] = [series[after - 1].t, series[after].t];
      return after - (right - second) / Math.max(1e-9, right - left);
    };
    const bands = {
      id: "bands",
      beforeDatasetsDraw({ ctx, chartArea, scales }) {
        ctx.save();
        ctx.font = "600 11px " + Chart.defaults.font.family;
        ctx.textAlign = "center";
        let labelled = -Infinity;
        faults.forEach(({ from, to }, index) => {
          const left = Math.max(chartArea.left, scales.x.getPixelForValue(placeOf(from)));
          const right = Math.min(chartArea.right, scales.x.getPixelForValue(placeOf(to)));
          ctx.fillStyle = colour("fail") + "1c";
          ctx.fillRect(left, chartArea.top, Math.max(2, right - left), chartArea.bottom - chartArea.top);
          if (left - labelled < 16) return;
          labelled = left;
          ctx.fillStyle = colour("fail");
          ctx.fillText(String(index + 1), left + 4, chartArea.top + 9);
        });
        ctx.restore();
      },
    };
    const withDuring = (many, extra) => {
      const made = options(many, extra);
      if (faults.length > 0) made.plugins.tooltip.callbacks = { afterBody: during };
      return made;
    };
    const during = ([item]) => {
      const second = series[item.dataIndex].t;
      return faults.filter(({ from, to }) => from <= second + 0.5 && Math.max(to, from + 0.5) >= second - 0.5).slice(0, 4).map(({ what }) => what);
    };
    const overTime = (id, sets) => new Chart(document.getElementById("chart-" + id), {
      type: "line",
      plugins: faults.length === 0 ? [] : [bands],
      data: {
        labels: series.map((point) => point.t),
        datasets: sets.map(([label, field, name, filled]) => ({
          label, data: series.map((point) => point[field]), borderColor: colour(name), backgroundColor: fill(name), fill: Boolean(filled),
          borderWidth: 1.75, pointRadius: series.length === 1 ? 3 : 0, pointHitRadius: 12, tension: 0.15,
        })),
      },
      options: withDuring(sets.length > 1, {
        scales: {
          x: axis({ grid: { display: false }, ticks: { padding: 6, maxTicksLimit: 7, maxRotation: 0, callback(value) { return this.getLabelForValue(value) + " s"; } } }),
          y: axis({ beginAtZero: true }),
        },
      }),
    });
    return [
      overTime("delivery", [["p99", "deliveryMsP99", "accent", true], ["p50", "deliveryMsP50", "accent-2"]]),
      overTime("rate", [["delivered", "delivered", "accent", true], ["sent", "sent", "accent-2"]]),
      overTime("clients", [["clients", "clients", "accent", true]]),
      overTime("lag", [["loop lag", "loopLagMs", "accent-3", true]]),
      new Chart(document.getElementById("chart-percentiles"), {
        type: "line",
        data: {
          labels: ["p50", "p90", "p95", "p99", "p99.9", "max"],
          datasets: percentiles.map((each, index) => {
            const name = ["accent", "accent-2", "accent-3", "muted"][index % 4];
            return { label: each.name, data: each.values.map((value) => Math.max(value, 0.01)), borderColor: colour(name), backgroundColor: colour(name), borderWidth: 1.75, borderDash: index < 4 ? [] : [5, 3], pointRadius: 2.5, tension: 0 };
          }),
        },
        options: options(true, { scales: { x: axis({ grid: { display: false }, ticks: { padding: 6 } }), y: axis({ type: "logarithmic", ticks: { padding: 8, callback: (value) => (/^[1-9]0*$|^0\.0*1$/.test(String(value)) && /^[15]|^0/.test(String(value)) ? number(value) : "") } }) } }),
      }),
    ];
  };
  const overLoad = ({ levels, answerAt, kneeAt, by }, { colour, axis, options, number }) => {
    const tones = { met: "pass", failed: "fail", inconclusive: "inconclusive" };
    const shapes = { met: "circle", failed: "rectRot", inconclusive: "triangle" };
    const line = (label, field, name) => ({
      label, data: levels.map((level) => ({ x: level.at, y: Math.max(level[field], 0.01) })), borderColor: colour(name), borderWidth: 1.75, tension: 0, pointHitRadius: 12,
      pointStyle: levels.map((level) => shapes[level.outcome]), pointRadius: levels.map((level) => (level.outcome === "met" ? 3.5 : 5)),
      pointBackgroundColor: levels.map((level) => colour(tones[level.outcome])), pointBorderColor: colour("page"),
    });
    const marks = [];
    if (answerAt !== null) marks.push({ at: answerAt, text: "holds " + number(answerAt), name: "pass" });
    if (kneeAt !== null) marks.push({ at: kneeAt, text: "knee " + number(kneeAt), name: "accent-3" });
    const near = marks.length === 2 && Math.abs(Math.log(answerAt / kneeAt)) < 0.3;
    const marker = {
      id: "marks",
      beforeDatasetsDraw({ ctx, chartArea, scales }) {
        ctx.save();
        ctx.font = "600 12px " + Chart.defaults.font.family;
        marks.forEach(({ at, text, name }, index) => {
          const x = scales.x.getPixelForValue(at);
          // The curve rises to the right of a mark: its label stands to the left where there is room.
          const toLeft = x > chartArea.left + 110;
          ctx.strokeStyle = ctx.fillStyle = colour(name);
          ctx.setLineDash([5, 4]);
          ctx.beginPath();
          ctx.moveTo(x, chartArea.top);
          ctx.lineTo(x, chartArea.bottom);
          ctx.stroke();
          ctx.textAlign = toLeft ? "right" : "left";
          ctx.fillText(text, x + (toLeft ? -6 : 6), chartArea.top + 12 + (near ? index * 16 : 0));
        });
        ctx.restore();
      },
    };
    const ats = levels.map((level) => level.at);
    const wide = Math.max(...ats) / Math.min(...ats) > 4;
    const first = (value) => /^[1-9]0*$|^0\.0*[1-9]$/.test(String(value)) && /[125]/.test(String(value));
    const chart = options(true, {
      scales: {
        x: axis({ type: wide ? "logarithmic" : "linear", grid: { display: false }, title: { display: true, text: by }, ticks: { padding: 6, maxRotation: 0, callback: (value) => (!wide || first(value) ? number(value) : "") } }),
        y: axis({ type: "logarithmic", ticks: { padding: 8, callback: (value) => (first(value) ? number(value) : "") } }),
      },
    });
    chart.plugins.tooltip.callbacks = {
      title: ([item]) => number(item.parsed.x) + " " + by,
      afterTitle: ([item]) => levels[item.dataIndex].outcome + ", " + number(levels[item.dataIndex].throughput) + " delivered a second",
    };
    return new Chart(document.getElementById("chart-capacity"), {
      type: "line",
      data: { datasets: [line("p99", "p99", "accent"), line("p50", "p50", "accent-2")] },
      options: chart,
      plugins: [marker],
    });
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => { for (const chart of drawn) chart.resize(); });
})();
`;
