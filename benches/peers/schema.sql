-- The tables that one writes without much thought; shared by all peers.
CREATE TABLE IF NOT EXISTS package (
    app_id TEXT NOT NULL, start_date TEXT NOT NULL, limit_times INTEGER NOT NULL, end_date TEXT NOT NULL,
    seen_at INTEGER NOT NULL, PRIMARY KEY (app_id, start_date)
);
CREATE TABLE IF NOT EXISTS usage (
    app_id TEXT NOT NULL, access_date TEXT NOT NULL, limit_times INTEGER NOT NULL, used_times INTEGER NOT NULL,
    seen_at INTEGER NOT NULL, PRIMARY KEY (app_id, access_date)
);
