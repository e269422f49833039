const { readFileSync } = require("node:fs");

/** What the artillery script calls: a seat for each virtual user, and the frames of bench/bare-ws.mjs. One worker only. */
const rooms = JSON.parse(readFileSync(process.env.ROOMS, "utf8"));
let seats = 0;

module.exports = {
  seat(connection, context, done) {
    const index = seats++;
    Object.assign(context.vars, { index, n: 0 });
    connection.target += `/rooms/${rooms[index % rooms.length]}/ws?user=user-${index}`;
    done();
  },
  act(context, _events, done) {
    const { vars } = context;
    vars.n += 1;
    const mediaUrl = `https://media.example/clip.mp4#r=bench0&a=${vars.index}&n=${vars.n}&s=800000000&t=${Math.round(performance.now() * 1000)}`;
    vars.message = JSON.stringify({
      type: "UPDATE_PLAYBACK",
      payload: { isPlaying: vars.n % 2 === 0, currentTime: vars.n * 1000, mediaUrl },
    });
    done();
  },
};
