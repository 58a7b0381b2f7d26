'use strict';

// Loaded before a function: its wall clock is ahead by the milliseconds that stand in a file, at each look anew. So
// hours pass for all processes at once, as they do for a frozen sandbox; timers do not notice.

const { openSync, readSync } = require('node:fs');

const LONGEST = 20;

const file = openSync(process.env.CLOCK_FILE, 'r');
const digits = Buffer.alloc(LONGEST);
const now = Date.now;

Date.now = () => now() + Number(digits.toString('latin1', 0, readSync(file, digits, 0, LONGEST, 0)));
