-- The history of logins, calls, usage and packages. People read the views; the tables are internal.
-- Instants are milliseconds since 1970 UTC, days are days since 1970 in the vendor's calendar, apps and
-- devices are interned: the file is a fifth of the size it would have with text keys.

CREATE TABLE app (
    app_key       INTEGER PRIMARY KEY,
    app_id        TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    app_name      TEXT,               -- of the settings; null for a sister store
    configured    INTEGER NOT NULL DEFAULT 0 CHECK (configured IN (0, 1)),
    first_seen_at INTEGER NOT NULL,
    configured_at INTEGER,            -- since when the settings name it; null: they do not
    newest_day    INTEGER             -- of its rows in daily_usage
) STRICT;

CREATE TABLE device (
    device_key      INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    configured      INTEGER NOT NULL DEFAULT 0 CHECK (configured IN (0, 1)),
    -- The kept login; the key itself is never in this file.
    logged_in_at    INTEGER,
    renew_at        INTEGER,
    relogin_due_at  INTEGER,
    expires_at      INTEGER,
    key_fingerprint TEXT
) STRICT;

-- The call ledger. A row is committed before its request leaves, so it never counts fewer calls than
-- the vendor; outcome is null while the call is under way.
CREATE TABLE call (
    call_id       INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: it orders answers whatever the clocks say
    started_at    INTEGER NOT NULL,
    boot_id       TEXT    NOT NULL,   -- with uptime_ms: when it started by the clock that nobody can step
    uptime_ms     INTEGER NOT NULL,
    vendor_day    INTEGER NOT NULL,
    endpoint      TEXT    NOT NULL CHECK (endpoint IN ('login', 'access_config', 'daily_access')),
    device_key    INTEGER REFERENCES device,
    app_key       INTEGER REFERENCES app,
    outcome       TEXT CHECK (outcome IN ('ok', 'refused', 'unexpected', 'unreachable', 'interrupted')),
    http_status   INTEGER,
    error_code    TEXT,
    error_message TEXT,
    duration_ms   INTEGER,
    skew_ms       INTEGER,            -- our clock minus the vendor's Date
    row_count     INTEGER,
    changed_count INTEGER,
    CHECK ((device_key IS NULL) <> (app_key IS NULL))
) STRICT;
CREATE INDEX call_of_app ON call (app_key) WHERE app_key IS NOT NULL;
CREATE INDEX call_of_device ON call (device_key) WHERE device_key IS NOT NULL;
CREATE INDEX call_of_day ON call (vendor_day, app_key);
CREATE INDEX call_under_way ON call (call_id) WHERE outcome IS NULL;

-- What a login brought, beside its row in the ledger.
CREATE TABLE login (
    call_id         INTEGER PRIMARY KEY REFERENCES call ON DELETE CASCADE,
    live_hours      ANY,              -- as sent: 240 stays 240, 0.5 stays 0.5; null where unusable
    relogin_hours   ANY,
    relogin_due_at  INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    key_fingerprint TEXT    NOT NULL
) STRICT;

-- How far each app's cron slots have been served, and by which answers.
CREATE TABLE poll (
    app_key     INTEGER NOT NULL REFERENCES app,
    endpoint    TEXT    NOT NULL,
    slot        INTEGER,              -- watermark: the newest slot dealt with
    attempts    INTEGER NOT NULL DEFAULT 0,
    done        INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
    last_call   INTEGER,              -- the newest request of its own
    answer_at   INTEGER,              -- the newest good answer to a request of its own
    answer_call INTEGER,              -- which call that was
    ok_at       INTEGER,              -- the newest good answer that served it, its own or a sister's
    PRIMARY KEY (app_key, endpoint)
) STRICT, WITHOUT ROWID;

CREATE TABLE daily_usage (
    app_key           INTEGER NOT NULL REFERENCES app,
    day               INTEGER NOT NULL,
    limit_times       INTEGER NOT NULL,
    used_times        INTEGER NOT NULL,
    is_final          INTEGER NOT NULL CHECK (is_final IN (0, 1)),
    first_observed_at INTEGER NOT NULL,
    last_changed_at   INTEGER NOT NULL,
    changed_by        INTEGER NOT NULL, -- call_id of the answer that last changed a number
    PRIMARY KEY (app_key, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_sample (
    app_key     INTEGER NOT NULL REFERENCES app,
    day         INTEGER NOT NULL,
    call_id     INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    used_times  INTEGER NOT NULL,
    limit_times INTEGER NOT NULL,
    PRIMARY KEY (app_key, day, call_id)
) STRICT, WITHOUT ROWID;

-- Which apps the newest answer of an asker confirmed. Written only when that set changes, so that an
-- unchanged answer for 5,000 stores writes one row of poll and none here.
CREATE TABLE sighting (
    asker_key INTEGER NOT NULL REFERENCES app,
    app_key   INTEGER NOT NULL REFERENCES app,
    gone_at   INTEGER,                -- last confirmed then; null: by the asker's newest answer
    PRIMARY KEY (asker_key, app_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX sighting_of_app ON sighting (app_key);

-- Days that a good answer has covered after they ended: nobody needs to ask for them again.
CREATE TABLE asked (
    app_key   INTEGER NOT NULL REFERENCES app,
    first_day INTEGER NOT NULL,
    last_day  INTEGER NOT NULL,
    PRIMARY KEY (app_key, first_day)
) STRICT, WITHOUT ROWID;

-- Quota packages as a slowly changing dimension: a row is closed, never changed.
CREATE TABLE package (
    package_key   INTEGER PRIMARY KEY,
    app_key       INTEGER NOT NULL REFERENCES app,
    limit_times   INTEGER NOT NULL,
    start_date    TEXT,               -- the vendor's own text
    end_date      TEXT,
    first_seen_at INTEGER NOT NULL,
    removed_at    INTEGER
) STRICT;
CREATE INDEX package_of_app ON package (app_key);

CREATE TABLE alert (
    alert_key   INTEGER PRIMARY KEY,
    rule        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    severity    TEXT    NOT NULL CHECK (severity IN ('warning', 'error')),
    opened_at   INTEGER NOT NULL,
    resolved_at INTEGER,
    message     TEXT    NOT NULL,
    stage       INTEGER NOT NULL,     -- grows when it gets worse in a way that is worth another line
    fields      TEXT    NOT NULL,     -- of the log line, as JSON
    logged_at   INTEGER NOT NULL      -- its last line: a restart repeats nothing
) STRICT;
CREATE UNIQUE INDEX open_alert ON alert (rule, subject) WHERE resolved_at IS NULL;

-- The views: the public contract.

CREATE VIEW apps AS
SELECT app_id, app_name, configured,
       strftime('%Y-%m-%dT%H:%M:%fZ', first_seen_at / 1000.0, 'unixepoch') AS first_seen_at
FROM app;

CREATE VIEW usage_daily AS
SELECT a.app_id, a.app_name, date(u.day * 86400, 'unixepoch') AS access_date, u.limit_times, u.used_times,
       CASE WHEN u.limit_times > 0 THEN round(100.0 * u.used_times / u.limit_times, 1) END AS used_percent,
       u.is_final,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.first_observed_at / 1000.0, 'unixepoch') AS first_observed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.last_changed_at / 1000.0, 'unixepoch') AS last_changed_at
FROM daily_usage u JOIN app a USING (app_key);

CREATE VIEW usage_latest AS
SELECT a.app_id, a.app_name, date(u.day * 86400, 'unixepoch') AS access_date, u.limit_times, u.used_times,
       CASE WHEN u.limit_times > 0 THEN round(100.0 * u.used_times / u.limit_times, 1) END AS used_percent,
       u.is_final,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.first_observed_at / 1000.0, 'unixepoch') AS first_observed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.last_changed_at / 1000.0, 'unixepoch') AS last_changed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', max(u.last_changed_at, coalesce(
           (SELECT max(coalesce(s.gone_at, p.answer_at))
            FROM sighting s JOIN poll p ON p.app_key = s.asker_key AND p.endpoint = 'daily_access'
            WHERE s.app_key = a.app_key), 0)) / 1000.0, 'unixepoch') AS observed_at
FROM app a JOIN daily_usage u ON u.app_key = a.app_key AND u.day = a.newest_day;

CREATE VIEW usage_samples AS
SELECT a.app_id, date(s.day * 86400, 'unixepoch') AS access_date,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.observed_at / 1000.0, 'unixepoch') AS observed_at,
       s.used_times, s.limit_times
FROM usage_sample s JOIN app a USING (app_key);

CREATE VIEW usage_gaps AS
WITH RECURSIVE span (app_key, day, newest_day) AS (
    SELECT a.app_key, (SELECT min(day) FROM daily_usage u WHERE u.app_key = a.app_key), a.newest_day
    FROM app a WHERE a.configured = 1 AND a.newest_day IS NOT NULL
    UNION ALL
    SELECT app_key, day + 1, newest_day FROM span WHERE day < newest_day
)
SELECT a.app_id, date(span.day * 86400, 'unixepoch') AS access_date
FROM span JOIN app a USING (app_key)
WHERE NOT EXISTS (SELECT 1 FROM daily_usage u WHERE u.app_key = span.app_key AND u.day = span.day);

CREATE VIEW packages AS
SELECT a.app_id, a.app_name, p.limit_times, p.start_date, p.end_date,
       (p.start_date IS NULL OR p.end_date IS NULL) AS is_default,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.first_seen_at / 1000.0, 'unixepoch') AS first_seen_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.removed_at / 1000.0, 'unixepoch') AS removed_at
FROM package p JOIN app a USING (app_key);

CREATE VIEW logins AS
SELECT d.name AS device,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.started_at / 1000.0, 'unixepoch') AS attempted_at,
       c.outcome, l.live_hours, l.relogin_hours,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.relogin_due_at / 1000.0, 'unixepoch') AS relogin_due_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.expires_at / 1000.0, 'unixepoch') AS expires_at,
       l.key_fingerprint, c.http_status, c.error_code, c.error_message
FROM call c JOIN device d USING (device_key) LEFT JOIN login l USING (call_id);

CREATE VIEW login_status AS
SELECT d.name AS device,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.logged_in_at / 1000.0, 'unixepoch') AS logged_in_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.renew_at / 1000.0, 'unixepoch') AS renew_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.relogin_due_at / 1000.0, 'unixepoch') AS relogin_due_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.expires_at / 1000.0, 'unixepoch') AS expires_at,
       d.key_fingerprint,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.started_at / 1000.0, 'unixepoch') AS last_attempt_at,
       c.outcome AS last_outcome, c.error_message AS last_error
FROM device d
LEFT JOIN call c ON c.call_id = (SELECT max(newest.call_id) FROM call newest
                                 WHERE newest.device_key = d.device_key AND newest.outcome IS NOT NULL)
WHERE d.configured = 1;

CREATE VIEW calls AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', c.started_at / 1000.0, 'unixepoch') AS started_at,
       date(c.vendor_day * 86400, 'unixepoch') AS vendor_date, c.endpoint,
       coalesce(d.name, a.app_id) COLLATE NOCASE AS subject, c.outcome, c.http_status, c.error_code, c.error_message,
       c.duration_ms, c.row_count, c.changed_count
FROM call c LEFT JOIN device d USING (device_key) LEFT JOIN app a USING (app_key);

CREATE VIEW calls_daily AS
SELECT date(c.vendor_day * 86400, 'unixepoch') AS vendor_date, a.app_id, count(*) AS calls,
       count(*) FILTER (WHERE c.outcome <> 'ok') AS failed -- a call under way (null) has not failed
FROM call c JOIN app a USING (app_key)
GROUP BY c.vendor_day, c.app_key;

CREATE VIEW alerts AS
SELECT rule, subject COLLATE NOCASE AS subject, severity,
       strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000.0, 'unixepoch') AS opened_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', resolved_at / 1000.0, 'unixepoch') AS resolved_at,
       message
FROM alert;
