/** @typedef {(line: string) => void} Say */

const started = performance.now();

/**
 * A voice for one part of set-up: each line carries the seconds since set-up began.
 * @param {string} part
 * @returns {Say}
 */
export function voice(part) {
  return (line) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`${seconds.padStart(6)} s  ${part.padEnd(14)} ${line}\n`);
  };
}
