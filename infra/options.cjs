// The parts of the template that depend on options.
const { X509Certificate } = require('node:crypto');
const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');
const readProfiles = require('./chosen-profiles.cjs');

/** The bounds of `requestTimeoutSeconds` (lib/core/limits.ts). */
const [LEAST_SECONDS, MOST_SECONDS] = [3, 5];

/** What each function may take, in seconds: the requests to ZITADEL that it may send one after the other, and the rest. */
function timeouts(requestSeconds) {
  if (!(requestSeconds >= LEAST_SECONDS && requestSeconds <= MOST_SECONDS)) {
    throw new Error(`requestTimeoutSeconds must be a number from ${LEAST_SECONDS} to ${MOST_SECONDS}`);
  }
  const within = (requests, restSeconds) => Math.ceil(requests * requestSeconds + restSeconds);
  return { token: within(2, 9), introspect: within(2, 4), revoke: within(3, 6) };
}

/** Whether a parameter is on. From the command line it is a text. */
function isOn(name, text) {
  if (!['true', 'false'].includes(text)) throw new Error(`${name} must be true or false`);
  return text === 'true';
}

/** How Lambda traces: as X-Ray's sampling says, or only what the request asks for, without rights to send it. */
function tracing(mode) {
  if (!['Active', 'PassThrough'].includes(mode))
    throw new Error(`tracing must be Active or PassThrough; it is ${mode}`);
  return mode;
}

/** The origin and path of the broker, without a trailing slash; empty: as each request says. */
function publicUrl(text) {
  if (text === '') return '';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error(
      `publicUrl must be an https URL such as https://tokens.example.com, without a query; it is ${text}`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** ZITADEL's issuer in the public metadata: the one that is named, or the only one; else none. */
function metadataIssuer(named) {
  const { profiles = {} } = readProfiles();
  const issuers = [...new Set(Object.values(profiles).map(({ issuer }) => issuer))];
  if (named === '') return issuers.length === 1 ? issuers[0] : '';
  if (!issuers.includes(named))
    throw new Error(`metadataIssuer must be an issuer of the profiles: ${issuers.join(', ')}`);
  return named;
}

/** The proxies of all requests to ZITADEL and AWS, as environment variables. */
function proxies(httpsProxy, noProxy) {
  if (httpsProxy === '') return {};
  const url = URL.canParse(httpsProxy) ? new URL(httpsProxy) : undefined;
  if (!['http:', 'https:'].includes(url?.protocol)) {
    throw new Error('httpsProxy must be a URL such as http://proxy.example.com:3128 (http or https)');
  }
  return { HTTPS_PROXY: httpsProxy, ...(noProxy === '' ? {} : { NO_PROXY: noProxy }) };
}

/** The file of additional certificate authorities: a path within the project, in the package under the same path. */
function caFile(file) {
  if (file === '') return [];
  const inside = path.relative(process.cwd(), path.resolve(file)).replaceAll(path.sep, '/');
  if (inside.startsWith('..') || path.isAbsolute(inside)) {
    throw new Error(`caBundle must be a file within the project, so that it can be packaged; it is ${file}`);
  }
  const [...pems] = (existsSync(file) ? readFileSync(file, 'utf8') : '').matchAll(
    /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g,
  );
  if (pems.length === 0) throw new Error(`caBundle must be a file of certificates in PEM; ${file} has none`);
  for (const [at, [pem]] of pems.entries()) {
    try {
      new X509Certificate(pem);
    } catch {
      throw new Error(`caBundle: certificate ${at + 1} in ${file} cannot be read`);
    }
  }
  return [inside];
}

module.exports = async ({ resolveVariable }) => {
  const tableKey = String(await resolveVariable('param:tableKmsKeyArn'));
  const param = async (name) => String(await resolveVariable(`param:${name}`)).trim();
  const prefix = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}`;
  const requestSeconds = await param('requestTimeoutSeconds');
  const certificates = caFile(await param('caBundle'));
  return {
    environment: {
      TABLE_NAME: prefix,
      METRICS_NAMESPACE: prefix,
      REQUEST_TIMEOUT_SECONDS: requestSeconds,
      ...(isOn('metricsByProfile', await param('metricsByProfile')) ? { METRICS_BY_PROFILE: 'true' } : {}),
      ...proxies(await param('httpsProxy'), await param('noProxy')),
      // Where Lambda unpacks the package. Node reads it once, when it starts.
      ...Object.fromEntries(certificates.map((file) => ['NODE_EXTRA_CA_CERTS', `/var/task/${file}`])),
    },
    patterns: ['!**', ...certificates],
    publicUrl: publicUrl(String(await resolveVariable('param:publicUrl'))),
    metadataIssuer: metadataIssuer(String(await resolveVariable('param:metadataIssuer'))),
    timeouts: timeouts(Number(requestSeconds)),
    tracing: tracing(await param('tracing')),
    // Without a customer managed key: the AWS managed key.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
