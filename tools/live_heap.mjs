// Runs a script on npm's 32-bit MicroPython and prints what of its heap lives afterwards, as one JSON object; then, one by one, more of
// them, each with what it needed at most: what lived before, and all that it asked for.
//   node live_heap.mjs < {"module": path of micropython.mjs, "script": text, "then": [text...], "files": {path inside: path on this machine}}
// This port collects only while no Python runs, so script, collection and measurement are three separate calls.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const job = JSON.parse(readFileSync(0, "utf8"));
const { loadMicroPython } = await import(pathToFileURL(job.module));
let lines = [];
const mp = await loadMicroPython({ heapsize: 8 * 1024 * 1024, stdout: (line) => lines.push(line) });

function liveBytes() {
  mp.runPython("import gc");
  mp.runPython("gc.collect()");
  mp.runPython("gc.collect()"); // once more: what the first one only marked for finalisation
  lines = [];
  mp.runPython("print(gc.mem_alloc())");
  return Number(lines.pop());
}

for (const [inside, outside] of Object.entries(job.files)) {
  mp.FS.mkdirTree(dirname(inside));
  mp.FS.writeFile(inside, readFileSync(outside));
}
mp.runPython("import sys\nsys.path[:] = ['/lib']");
const baseline = liveBytes();
function run(script) {
  try {
    mp.runPython(script);
  } catch (error) {
    console.error(error.message); // MicroPython's traceback
    process.exit(1);
  }
}

run(job.script);
const printed = lines;
const result = { baseline, live: liveBytes(), printed, then: [] };
for (const script of job.then || []) {
  lines = [];
  run(script + "\nprint(gc.mem_alloc())");
  const high = Number(lines.pop());
  result.then.push({ high, live: liveBytes() });
}
console.log(JSON.stringify(result));
