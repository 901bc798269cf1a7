// undici.request and better-sqlite3, 16 calls at a time. --stay: every hour, by node-cron.
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Pool } from 'undici';

const [settingsFile, databaseFile] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const base = '/pospal-api2/openapi/v1/openApiLimitAccess/';

function* calls() {
  for (const app of settings.apps) {
    if (!settings.daily_only) yield ['queryAccessTimes', app, { appId: app.id }];
    yield ['queryDailyAccessTimesLog', app, { appId: app.id, beginDate: settings.begin, endDate: settings.end }];
  }
}

async function ask(pool, endpoint, app, fields) {
  const body = JSON.stringify(fields);
  const headers = {
    'User-Agent': 'openApi',
    'Content-Type': 'application/json; charset=utf-8',
    'accept-encoding': 'gzip,deflate',
    'time-stamp': String(Date.now()),
    'data-signature': createHash('md5').update(app.key + body).digest('hex').toUpperCase(),
  };
  const answer = await pool.request({ method: 'POST', path: base + endpoint, headers, body });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`);
  const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  const { status, messages, data } = JSON.parse(text);
  if (status !== 'success') throw new Error(`refused: ${messages}`);
  return data;
}

async function onePass() {
  const database = new Database(databaseFile);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));
  const savePackage = database.prepare(`INSERT INTO package (app_id, start_date, limit_times, end_date, seen_at)
    VALUES (@appId, @startDate, @limitTimes, @endDate, @seenAt) ON CONFLICT DO UPDATE
    SET limit_times = excluded.limit_times, end_date = excluded.end_date, seen_at = excluded.seen_at`);
  const saveUsage = database.prepare(`INSERT INTO usage (app_id, access_date, limit_times, used_times, seen_at)
    VALUES (@appId, @accessDate, @limitTimes, @haveAcessTimes, @seenAt) ON CONFLICT DO UPDATE
    SET limit_times = excluded.limit_times, used_times = excluded.used_times, seen_at = excluded.seen_at`);
  const save = database.transaction((statement, rows) => {
    const seenAt = Date.now();
    for (const row of rows) statement.run({ ...row, seenAt });
  });
  const pool = new Pool(settings.base_url, { connections: settings.parallel });
  const waiting = calls();
  const work = async () => {
    for (const [endpoint, app, fields] of waiting) {
      const rows = await ask(pool, endpoint, app, fields);
      save(endpoint === 'queryAccessTimes' ? savePackage : saveUsage, rows);
    }
  };
  await Promise.all(Array.from({ length: settings.parallel }, work));
  await pool.close();
  database.close();
}

await onePass();
if (process.argv.includes('--stay')) {
  const { default: cron } = await import('node-cron');
  cron.schedule('0 * * * *', onePass);
}
