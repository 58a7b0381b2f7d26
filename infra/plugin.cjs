// Runs in osls and in the Serverless Framework, whatever starts them: nothing is packaged or deployed from faulty parameters,
// of other profiles than those of the file, or beyond AWS's limits.
const { execFile } = require('node:child_process');
const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { besides, createAccount, foreignLogGroups } = require('./account.cjs');
const { adopt, nameVersion, tag, withoutImplied } = require('./finish.cjs');
const limitFaults = require('./limits.cjs');
const plain = require('./plain.cjs');
const { title } = require('./statements.cjs');

const run = promisify(execFile);

/** Node for the project's own TypeScript: the tool may run on an older one. */
const NODE = path.join(process.cwd(), 'node_modules/node/bin/node');

/** For who needs the template alone: bundles that are missing are empty, and dist/ is not written. */
const isTemplateOnly = process.env.PACKAGE_ONLY === 'template';

const bundleOf = (name) => path.join('.build', name, 'index.cjs');

/** The logical name of a log group, by what parameters call it. */
const logsOf = (name) => `${title(name)}Logs`;

module.exports = class Plugin {
  constructor(serverless, options, { log }) {
    const command = serverless.processedInput.commands.join(' ');
    this.serverless = serverless;
    this.log = log;
    this.isDeployed = command === 'deploy';
    if (command === 'deploy function') {
      this.hooks = {
        'before:deploy:function:initialize': () =>
          this.refuse([
            'A function is not deployed alone: its rights, its alarms and the other functions must have the same profiles. Use npm run deploy',
          ]),
      };
    }
    // A package that exists was checked when it was made.
    if ((command !== 'package' && command !== 'deploy') || options.package !== undefined) return;
    if (isTemplateOnly && this.isDeployed) this.refuse(['PACKAGE_ONLY is for npm run package: unset it to deploy']);
    this.hooks = {
      initialize: () => this.tell(Object.values(this.serverless.service.custom)),
      'before:package:createDeploymentArtifacts': () => this.prepare(),
      'before:aws:package:finalize:saveServiceState': () => this.finish(),
      'after:aws:info:displayStackOutputs': () => this.showUrl(),
    };
  }

  refuse(faults) {
    throw new this.serverless.classes.Error(faults.join('\n'), 'REFUSED');
  }

  /** @throws with every fault at once */
  tell(reports) {
    const faults = reports.flatMap((report) => report.faults);
    if (faults.length > 0) this.refuse(faults);
    for (const warning of reports.flatMap((report) => report.warnings)) this.log.warning(warning);
  }

  get parameters() {
    return this.serverless.service.custom.parameters;
  }

  /** Checks the profiles, and bundles the functions with them. */
  async prepare() {
    if (isTemplateOnly) return this.putEmptyBundles();
    const { region } = this.parameters.place;
    const script = path.join(__dirname, 'build/prepare.ts');
    const { stdout } = await run(NODE, [script, '--region', region, ...(this.isDeployed ? ['--deploy'] : [])]);
    this.tell([JSON.parse(stdout)]);
  }

  /** The template does not depend on what is in them. */
  putEmptyBundles() {
    for (const name of Object.keys(this.serverless.service.functions)) {
      const file = bundleOf(name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, '', { flag: 'a' });
    }
  }

  /** Log groups of a stack that was removed stay, and go on being used. Secrets that a prefix opens are named. */
  async meetAccount(template, prefix) {
    const provider = this.serverless.getProvider('aws');
    // Only osls tells its configuration.
    if (!this.isDeployed || provider.getAwsSdkV3Config === undefined) return;
    const account = createAccount(await provider.getAwsSdkV3Config());
    try {
      await this.adoptLogGroups(template, prefix, account);
      await this.nameOpened(account);
    } catch ({ name, message }) {
      this.log.warning(`What the account has already could not be checked (${name}: ${message})`);
    }
  }

  async adoptLogGroups(template, prefix, account) {
    const [functions, api, own] = await Promise.all([
      account.logGroups(`/aws/lambda/${prefix}-`),
      account.logGroups(`/aws/http-api/${prefix}`),
      account.stackResources(prefix),
    ]);
    const foreign = foreignLogGroups(template, [...functions, ...api], own);
    if (foreign.length > 0)
      this.log.notice(`Log groups that exist already are used as they are: ${foreign.join(', ')}`);
    adopt(template, foreign);
  }

  async nameOpened(account) {
    const { secretsPrefix } = this.parameters.values;
    const { isWidened, secrets } = this.serverless.service.custom.roles;
    if (!isWidened) return;
    for (const warning of besides(secretsPrefix, await account.secrets(secretsPrefix), secrets))
      this.log.warning(warning);
  }

  /** Completes the template, measures it, and writes dist/. */
  async finish() {
    const { values, place } = this.parameters;
    const { service } = this.serverless;
    const template = service.provider.compiledCloudFormationTemplate;
    const { prefix } = place;
    nameVersion(template);
    withoutImplied(template);
    adopt(template, values.existingLogGroups.map(logsOf));
    await this.meetAccount(template, prefix);
    tag(template, service.provider.tags);
    const functions = Object.entries(service.functions);
    const bundles = functions.map(([name]) => bundleOf(name));
    const faults = limitFaults(template, { region: place.region, bundles });
    if (faults.length > 0) this.refuse(faults);
    if (isTemplateOnly) return;
    const zips = Object.fromEntries(functions.map(([name, its]) => [name, its.package.artifact]));
    plain.write({ folder: 'dist', template, zips, values, prefix });
  }

  /** The tool shows the endpoints of its own events only. */
  showUrl() {
    const info = this.serverless.pluginManager.plugins.find(({ gatheredData }) => gatheredData !== undefined);
    const url = info?.gatheredData.outputs.find(({ OutputKey }) => OutputKey === 'BrokerUrl')?.OutputValue;
    if (url !== undefined) this.serverless.addServiceOutputSection('broker', url);
  }
};
