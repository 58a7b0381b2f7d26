import { ALARMS } from './alarms.ts';
import { CONTENTS } from './contents.ts';
import { SEEN } from './dashboard.ts';
import { DOORS } from './doors.ts';
import type { Rule } from './essentials.ts';
import { HANDBOOK } from './handbook.ts';
import { RIGHTS } from './rights.ts';

/** The rules for every deployment, whatever its parameters; besides them, `RULES` holds for those without keys of one's own. */
export const ALL: readonly Rule[] = [...DOORS, ...RIGHTS, ...CONTENTS, ...ALARMS, ...SEEN, ...HANDBOOK];
