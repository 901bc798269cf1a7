-- Fills a database that poskeeper has made with the history of many apps, as it would look after {days} days: written
-- day after day, so that its pages are as full, and as empty, as they would be.
-- The formulas are those of benches/bench/shop.rs. {today}, {days}: in days since 1970 and their count.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2000000;
BEGIN;

INSERT INTO calendar
SELECT value, date(value * 86400, 'unixepoch') FROM generate_series({today} - {days} + 1, {today}) WHERE {days} > 0;

INSERT INTO app (app_key, app_id, app_name, configured, first_seen_at, configured_at, first_day, newest_day)
SELECT value + 1, printf('%08X%08X%016X', value * 2654435761 % 4294967296, value * 40503 % 4294967296, value * 11400714819),
       'Store ' || value, 1, ({today} - {days}) * 86400000, ({today} - {days}) * 86400000,
       iif({days} > 0, {today} - {days} + 1, NULL), iif({days} > 0, {today}, NULL)
FROM generate_series(0, {apps} - 1);

-- Every store is polled for itself: eight answers a day change its number.
INSERT INTO daily_usage (day, app_key, limit_times, used_times, is_final, first_observed_after, last_changed_after, changed_by)
SELECT day, app_key, 3000, used, day < {today}, 0, 79200000, ((day + {days} - {today}) * {apps} + app_key) * 8
FROM (SELECT app_key, day.value AS day,
             ((app_key - 1) * 7919 + day.value * 10473) % 1500
             -- Some days of some stores are busy ones, but none of those that the vendor will be asked for.
             + iif(day.value < {today} - 10 AND app_key % 20 = 0 AND (day.value + app_key / 20) % 5 = 0, 1400, 0) AS used
      FROM generate_series({today} - {days} + 1, {today}) AS day CROSS JOIN app)
WHERE {days} > 0;

INSERT INTO usage_sample (day, app_key, call_id, observed_at, used_times, limit_times)
SELECT u.day, u.app_key, u.changed_by - 8 + time.value, u.day * 86400000 + time.value * 9900000, u.used_times * time.value / 8,
       u.limit_times
FROM generate_series({today} - {sample_days} + 1, {today}) AS day CROSS JOIN app a
JOIN daily_usage u ON u.app_key = a.app_key AND u.day = day.value CROSS JOIN generate_series(1, 8) AS time
WHERE {sample_days} > 0;

-- The ledger is kept for 90 days; one call of each store and day stands for all, which differ from shop to shop.
INSERT INTO call (call_id, started_at, boot_id, uptime_ms, vendor_day, endpoint, app_key, outcome, http_status, duration_ms,
                  skew_ms, row_count, changed_count)
SELECT u.changed_by, u.day * 86400000 + 79200000, '00000000000000000000000000000000', u.day * 86400000, u.day, 'daily_access',
       u.app_key, 'ok', 200, 120, 5, 8, 1
FROM generate_series({today} - min({days}, 90) + 1, {today} - 1) AS day CROSS JOIN app a
JOIN daily_usage u ON u.app_key = a.app_key AND u.day = day.value;

INSERT INTO poll (app_key, endpoint, slot, attempts, done, last_call, answer_at, answer_call, ok_at)
SELECT app_key, endpoint, {slot_ms}, 1, 1, ({days} * {apps} + app_key) * 8, {now_ms}, ({days} * {apps} + app_key) * 8, {now_ms}
FROM app CROSS JOIN (SELECT 'daily_access' AS endpoint UNION ALL SELECT 'access_config');

INSERT INTO sighting (asker_key, app_key) SELECT app_key, app_key FROM app WHERE {days} > 0;
INSERT INTO asked SELECT app_key, {today} - {days} + 1, {today} - 1 FROM app WHERE {days} > 1;
INSERT INTO package (app_key, limit_times, start_date, end_date, first_seen_at)
SELECT app_key, 3000, '2026-01-01 00:00:00', '2099-12-31 23:59:59', ({today} - {days}) * 86400000 FROM app;

COMMIT;
