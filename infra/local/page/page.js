const key = new URLSearchParams(location.hash.slice(1)).get('key') ?? '';
const headers = { 'x-page-key': key };

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const say = (text) => {
  byId('status').textContent = text;
};

/** The last state that the server sent, and how far its clock is ahead of this one. */
let state;
let aheadMs = 0;
let chosen;

const now = () => Date.now() + aheadMs;
const chosenProfile = () => state.profiles.find(({ name }) => name === chosen);

function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.round(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return seconds > 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${seconds} s`;
}

const time = (ms) => new Date(ms).toLocaleTimeString('en-GB');

async function press(button, id, profile) {
  if (button.ariaDisabled === 'true') return say(button.dataset.why);
  button.ariaBusy = 'true';
  try {
    const response = await fetch(`/api/${id}/${profile}`, { method: 'POST', headers });
    const text = await response.text();
    say(id.startsWith('curl') && response.ok ? await copy(text) : text);
  } catch {
    say('The local stack does not answer.');
  }
  button.ariaBusy = 'false';
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return `Copied: ${text}`;
  } catch {
    return `Copy this: ${text}`;
  }
}

/** A button for a switch. `why` says why it cannot be used. `subject` completes its name for those who do not see what stands beside it. */
function button({ id, label, isToggle }, profileOf, why, subject = '') {
  const made = element('button', { type: 'button', textContent: label });
  made.setAttribute('aria-describedby', why.id);
  made.dataset.id = id;
  if (subject !== '') made.ariaLabel = `${label}: ${subject}`;
  made.addEventListener('click', () => press(made, id, profileOf()));
  made.update = ({ isOn, obstacle = '' }) => {
    if (isToggle) made.ariaPressed = String(isOn);
    made.ariaDisabled = String(obstacle !== '');
    made.dataset.why = obstacle;
    why.textContent = obstacle;
    why.hidden = obstacle === '';
  };
  return made;
}

const reason = (id) => element('small', { className: 'why', id: `why-${id}` });

/** What to update when a state arrives, and each second. */
const updates = [];
const ticks = [];

function showProfile({ name, secret, subject }, isFirst) {
  const radio = element('input', { type: 'radio', name: 'chosen', id: `chosen-${name}`, checked: isFirst });
  radio.addEventListener('change', () => {
    chosen = name;
    update();
  });
  const card = element(
    'div',
    { className: 'profile' },
    radio,
    element('label', { htmlFor: radio.id, textContent: ` ${name}` }),
    element('small', { textContent: `${secret}${subject ? `, for ${subject}` : ''}` }),
  );
  const why = reason(name);
  for (const known of state.switches.filter(({ group }) => group === 'Requests')) {
    const made = button(known, () => name, why, name);
    card.append(made, ' ');
    updates.push(() => made.update(state.profiles.find((profile) => profile.name === name).states[known.id]));
  }
  card.append(why);
  return card;
}

const SOURCES = { memory: 'memory', store: 'table', issued: 'ZITADEL', failed: 'no token' };

function showToken({ name }) {
  const find = () => state.profiles.find((profile) => profile.name === name);
  const head = element('div', { className: 'head' }, element('h3', { textContent: name }));
  const badges = Object.entries(SOURCES).map(([source, label]) => {
    const badge = element('span');
    head.append(badge);
    return () => {
      const { answers } = find();
      badge.className = `source ${source}${answers.last === source ? ' last' : ''}`;
      badge.textContent = `${label} ${answers[source]}`;
      badge.ariaLabel = `${answers[source]} from ${label}${answers.last === source ? ', the last one too' : ''}`;
    };
  });
  const parts = ['used', 'renewal', 'minimum', 'end'].map((className) => element('span', { className }));
  const [used, renewal, minimum, end] = parts;
  const bar = element('div', { className: 'bar', role: 'img' }, ...parts);
  const marks = element('div', { className: 'marks' });
  const tick = () => {
    const { life } = find();
    bar.hidden = life === undefined;
    if (life === undefined) {
      marks.textContent = 'No token yet.';
      return;
    }
    const { obtainedAt, renewedFrom, renewedBy, minimumAt, expiresAt } = life;
    const share = (at) => `${Math.min(100, Math.max(0, ((at - obtainedAt) / (expiresAt - obtainedAt)) * 100))}%`;
    used.style.width = share(now());
    used.className = `used${now() >= expiresAt ? ' dead' : now() >= renewedBy ? ' due' : ''}`;
    renewal.style.left = share(renewedFrom);
    renewal.style.width = share(obtainedAt + renewedBy - renewedFrom);
    minimum.style.left = `calc(${share(minimumAt)} - 6px)`;
    end.style.left = 'calc(100% - 2px)';
    const facts = [
      now() >= expiresAt ? 'ended' : `${span(expiresAt - now())} left`,
      `renewal: from ${span(renewedFrom - obtainedAt)} to ${span(renewedBy - obtainedAt)}`,
      `minimum: ${span(expiresAt - minimumAt)} left`,
      `end: ${span(expiresAt - obtainedAt)}`,
    ];
    bar.ariaLabel = `Life of the token of ${name}: ${facts.join(', ')}`;
    marks.replaceChildren(...facts.map((text) => element('span', { textContent: text })));
  };
  updates.push(...badges);
  ticks.push(tick);
  return element('div', { className: 'token' }, head, bar, marks);
}

function showSwitches() {
  const groups = new Map();
  for (const known of state.switches) {
    if (known.group !== 'Requests') groups.set(known.group, [...(groups.get(known.group) ?? []), known]);
  }
  return [...groups].map(([group, members]) => {
    const legend = element('legend', { textContent: group });
    if (group === 'Chosen profile') {
      updates.push(() => {
        legend.textContent = `Chosen profile: ${chosen}`;
      });
    }
    const made = members.flatMap((known) => {
      const why = reason(known.id);
      const pressed = button(known, () => chosen, why);
      updates.push(() => pressed.update(chosenProfile().states[known.id]));
      return [pressed, ' ', why];
    });
    return element('fieldset', {}, legend, ...made);
  });
}

function tick() {
  const { aheadMs: shiftedMs } = state;
  byId('clock').textContent = `Clock of the broker: ${time(now())}${shiftedMs > 0 ? ` (+${span(shiftedMs)})` : ''}`;
  for (const run of ticks) run();
}

function update() {
  for (const run of updates) run();
  tick();
}

function take(next) {
  const isFirst = state === undefined;
  state = next;
  aheadMs = state.now - Date.now();
  if (isFirst) {
    chosen = state.profiles[0]?.name;
    byId('profiles').append(...state.profiles.map((profile, at) => showProfile(profile, at === 0)));
    byId('tokens').append(...state.profiles.map(showToken));
    byId('switches').append(...showSwitches());
    say(`Connected to the broker at ${state.broker}.`);
    setInterval(tick, 1000);
  }
  update();
}

const FIELDS = ['time', 'level', 'route', 'profile', 'caller', 'status', 'ms', 'source', 'token'];
const KEPT_LINES = 100;

function parse(line) {
  try {
    return Object(JSON.parse(line));
  } catch {
    return { text: line };
  }
}

/** The fields of a line that have no column, without the metrics, which repeat them. */
function others({ _aws, id, text, ...fields }) {
  if (text !== undefined) return text;
  const metrics = _aws?.CloudWatchMetrics?.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name)) ?? [];
  const rest = Object.entries(fields).filter(([name]) => !FIELDS.includes(name) && !metrics.includes(name));
  return rest
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('; ');
}

function addLine(line) {
  const fields = parse(line);
  const at = fields._aws?.Timestamp ?? fields.time;
  const shown = { ...fields, time: at === undefined ? '' : time(at), source: SOURCES[fields.source] ?? fields.source };
  const cells = FIELDS.map((name) => element('td', { textContent: shown[name] ?? '' }));
  const row = element(
    'tr',
    { className: fields.level ?? '' },
    ...cells,
    element('td', { textContent: others(fields) }),
  );
  byId('lines').prepend(row);
  byId('lines').children[KEPT_LINES]?.remove();
}

/** Reads server-sent events: EventSource cannot send a header. */
async function follow() {
  const response = await fetch('/api/events', { headers });
  if (!response.ok) return say(await response.text());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const events = (waiting + read.value).split('\n\n');
    waiting = events.pop();
    for (const event of events) {
      const [, kind, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      if (kind === 'state') take(JSON.parse(data));
      if (kind === 'line') addLine(JSON.parse(data));
    }
  }
}

byId('fields').append(...[...FIELDS, 'more'].map((name) => element('th', { scope: 'col', textContent: name })));
follow()
  .then(() => state && say('The local stack has ended. npm start starts another one, with another address.'))
  .catch(() => say('The local stack does not answer. npm start starts another one, with another address.'));
