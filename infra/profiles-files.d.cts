/** The file or folder of the profiles to deploy: $PROFILES_FILE, else infra/profiles/ if it holds any, else infra/profiles.yml. */
export declare function chosenProfilesFile(): string;

/**
 * The files that a path stands for: itself, or the .yml, .yaml and .json files within the folder, sorted.
 * @returns the files, or what is wrong with the choice
 */
export declare function profilesFiles(
  place: string,
): { readonly ok: true; readonly value: readonly string[] } | { readonly ok: false; readonly error: string };
