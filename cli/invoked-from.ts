/** Where the user is: under `npm run` that is not the folder that this process runs in. */
export function invokedFrom(variables: NodeJS.ProcessEnv = process.env): string {
  return variables['INIT_CWD'] ?? process.cwd();
}
