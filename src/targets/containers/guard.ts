import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { PROJECT_LABEL, STACK_LABEL } from "./owner.ts";

/**
 * Removes a stack once its own input is shut, which happens however we end: also by SIGKILL, when nothing of ours can
 * run any more. Compose may still be at work then, so it looks until nothing new has come for five seconds; two minutes
 * at most. Without the `docker` program it does nothing, and the next run removes what is left.
 */
const GUARD = `read -r _
quiet=0
rounds=0
while [ "$quiet" -lt 5 ] && [ "$rounds" -lt 120 ]; do
  quiet=$((quiet + 1))
  rounds=$((rounds + 1))
  for label in "$1" "$2"; do
    ids=$(docker ps --all --quiet --filter "label=$label") || exit 0
    [ -z "$ids" ] || { docker rm --force --volumes $ids; quiet=0; }
    ids=$(docker network ls --quiet --filter "label=$label")
    [ -z "$ids" ] || docker network rm $ids
    ids=$(docker volume ls --quiet --filter "label=$label")
    [ -z "$ids" ] || docker volume rm $ids
  done
  sleep 1
done`;

/** Watches over a stack until it is told that the stack is gone, or is to stay. */
export function guardStack(name: string): { readonly dismiss: () => void } {
  const labels = [STACK_LABEL, PROJECT_LABEL].map((label) => `${label}=${name}`);
  const guarding = spawn("/bin/sh", ["-c", GUARD, "rollcall-guard", ...labels], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  guarding.on("error", () => {});
  guarding.stdin.on("error", () => {});
  guarding.unref();
  (guarding.stdin as Socket).unref();
  return { dismiss: () => void guarding.kill("SIGKILL") };
}
