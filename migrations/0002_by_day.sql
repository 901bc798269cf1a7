-- Days first: what is written in one answer, and what one month's report reads, lies side by side. With the app first, an
-- answer for 5,000 stores touched as many pages, and a month of all of them was strewn over the whole file.

-- Every day from the first to the newest with a row, without a hole. The views take their dates from here, so that a
-- date in a WHERE finds its rows by their key; one app's rows are found by going through its days.
CREATE TABLE calendar (
    day         INTEGER PRIMARY KEY,  -- days since 1970 in the vendor's calendar
    access_date TEXT    NOT NULL UNIQUE
) STRICT;
WITH RECURSIVE span (day, last_day) AS (
    SELECT min(day), max(day) FROM daily_usage HAVING count(*) > 0
    UNION ALL
    SELECT day + 1, last_day FROM span WHERE day < last_day
)
INSERT INTO calendar SELECT day, date(day * 86400, 'unixepoch') FROM span;

ALTER TABLE app ADD COLUMN first_day INTEGER; -- of its rows in daily_usage, as newest_day
UPDATE app SET first_day = (SELECT min(day) FROM daily_usage u WHERE u.app_key = app.app_key);

DROP VIEW usage_daily;
DROP VIEW usage_latest;
DROP VIEW usage_samples;
DROP VIEW usage_gaps;

CREATE TABLE daily_usage_by_day (
    day                  INTEGER NOT NULL REFERENCES calendar,
    app_key              INTEGER NOT NULL REFERENCES app,
    limit_times          INTEGER NOT NULL,
    used_times           INTEGER NOT NULL,
    is_final             INTEGER NOT NULL CHECK (is_final IN (0, 1)),
    -- Milliseconds after the day's 00:00 UTC: four bytes, where those since 1970 take six.
    first_observed_after INTEGER NOT NULL,
    last_changed_after   INTEGER NOT NULL,
    changed_by           INTEGER NOT NULL, -- call_id of the answer that last changed a number
    PRIMARY KEY (day, app_key)
) STRICT, WITHOUT ROWID;
INSERT INTO daily_usage_by_day
SELECT day, app_key, limit_times, used_times, is_final,
       first_observed_at - day * 86400000, last_changed_at - day * 86400000, changed_by
FROM daily_usage ORDER BY day, app_key;
DROP TABLE daily_usage;
ALTER TABLE daily_usage_by_day RENAME TO daily_usage;

CREATE TABLE usage_sample_by_day (
    day         INTEGER NOT NULL REFERENCES calendar,
    app_key     INTEGER NOT NULL REFERENCES app,
    call_id     INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    used_times  INTEGER NOT NULL,
    limit_times INTEGER NOT NULL,
    PRIMARY KEY (day, app_key, call_id)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_sample_by_day
SELECT day, app_key, call_id, observed_at, used_times, limit_times FROM usage_sample ORDER BY day, app_key, call_id;
DROP TABLE usage_sample;
ALTER TABLE usage_sample_by_day RENAME TO usage_sample;

-- The ledger is asked by date, too, and counted by day and app without looking at its rows.
DROP INDEX call_of_day;
CREATE INDEX call_of_day ON call (date(vendor_day * 86400, 'unixepoch'), app_key, outcome);

-- CROSS JOIN: the calendar first, whatever SQLite guesses; it keeps no statistics here.
CREATE VIEW usage_daily AS
SELECT a.app_id, a.app_name, c.access_date, u.limit_times, u.used_times,
       CASE WHEN u.limit_times > 0 THEN round(100.0 * u.used_times / u.limit_times, 1) END AS used_percent,
       u.is_final,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.day * 86400 + u.first_observed_after / 1000.0, 'unixepoch') AS first_observed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.day * 86400 + u.last_changed_after / 1000.0, 'unixepoch') AS last_changed_at
FROM calendar c CROSS JOIN daily_usage u USING (day) JOIN app a USING (app_key);

CREATE VIEW usage_latest AS
SELECT a.app_id, a.app_name, c.access_date, u.limit_times, u.used_times,
       CASE WHEN u.limit_times > 0 THEN round(100.0 * u.used_times / u.limit_times, 1) END AS used_percent,
       u.is_final,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.day * 86400 + u.first_observed_after / 1000.0, 'unixepoch') AS first_observed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', u.day * 86400 + u.last_changed_after / 1000.0, 'unixepoch') AS last_changed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', max(u.day * 86400000 + u.last_changed_after, coalesce(
           (SELECT max(coalesce(s.gone_at, p.answer_at))
            FROM sighting s JOIN poll p ON p.app_key = s.asker_key AND p.endpoint = 'daily_access'
            WHERE s.app_key = a.app_key), 0)) / 1000.0, 'unixepoch') AS observed_at
FROM app a CROSS JOIN daily_usage u ON u.day = a.newest_day AND u.app_key = a.app_key
JOIN calendar c ON c.day = u.day;

CREATE VIEW usage_samples AS
SELECT a.app_id, c.access_date,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.observed_at / 1000.0, 'unixepoch') AS observed_at,
       s.used_times, s.limit_times
FROM calendar c CROSS JOIN usage_sample s USING (day) JOIN app a USING (app_key);

CREATE VIEW usage_gaps AS
SELECT a.app_id, c.access_date
FROM app a JOIN calendar c ON c.day BETWEEN a.first_day AND a.newest_day
WHERE a.configured = 1
  AND NOT EXISTS (SELECT 1 FROM daily_usage u WHERE u.day = c.day AND u.app_key = a.app_key);
