// Plain JavaScript: set-up uses it before anything is installed.

/** What a user can do about them; every other failure of a file is a defect of ours. */
const REMEDIES = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is no folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
};

/**
 * One sentence for a file that this user cannot read or write; undefined for any other error.
 * @param {unknown} error
 * @returns {string | undefined}
 */
export function fileProblem(error) {
  const {
    code = '',
    path,
    dest,
  } = /** @type {NodeJS.ErrnoException & { dest?: string }} */ (
    error instanceof Error ? error : {}
  );
  const named = dest ?? path;
  if (named === undefined || !Object.hasOwn(REMEDIES, code)) return undefined;
  const reason = REMEDIES[/** @type {keyof typeof REMEDIES} */ (code)];
  const remedy = /^E(NOSPC|DQUOT)$/.test(code)
    ? 'free some of it'
    : 'set KDX_STATE_DIR to a folder of yours';
  return `${named}: ${reason} (${code}); ${remedy}`;
}
