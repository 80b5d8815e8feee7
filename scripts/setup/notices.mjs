/** What TensorFlow's library prints as it is loaded, whatever level of log is asked for; it concerns nobody. */
const NOTICES = [
  /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR$/,
  /^I\d{4} .* port\.cc:\d+\] oneDNN custom operations are on\./,
  /^I\d{4} .* cpu_feature_guard\.cc:\d+\] /,
  /^To enable the following instructions: /,
];

/**
 * Passes text on line by line, without TensorFlow's notices.
 * @param {(text: string) => void} write
 * @returns {(text: string) => void}
 */
export function withoutNotices(write) {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const told = lines.filter((line) => !NOTICES.some((notice) => notice.test(line)));
    if (told.length > 0) write(`${told.join('\n')}\n`);
  };
}
