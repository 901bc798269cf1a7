"""What both Python peers share: the settings, the signed request, the tables."""

import hashlib
import json
import pathlib
import sqlite3
import sys
import time

BASE = "/pospal-api2/openapi/v1/openApiLimitAccess/"

SAVE_PACKAGE = """
    INSERT INTO package (app_id, start_date, limit_times, end_date, seen_at)
    VALUES (:appId, :startDate, :limitTimes, :endDate, :seen_at)
    ON CONFLICT DO UPDATE SET limit_times = excluded.limit_times, end_date = excluded.end_date, seen_at = excluded.seen_at
"""
SAVE_USAGE = """
    INSERT INTO usage (app_id, access_date, limit_times, used_times, seen_at)
    VALUES (:appId, :accessDate, :limitTimes, :haveAcessTimes, :seen_at)
    ON CONFLICT DO UPDATE SET limit_times = excluded.limit_times, used_times = excluded.used_times, seen_at = excluded.seen_at
"""


class Plan:
    def __init__(self):
        words = [word for word in sys.argv[1:] if not word.startswith("--")]
        with open(words[0], encoding="utf-8") as file:
            self.settings = json.load(file)
        self.database = words[1]
        self.threads = "--threads" in sys.argv
        self.stay = "--stay" in sys.argv
        self.base_url = self.settings["base_url"] + BASE
        self.parallel = self.settings["parallel"]

    def calls(self):
        """(endpoint, statement that saves its rows, headers, body) of each call of a pass."""
        window = {"beginDate": self.settings["begin"], "endDate": self.settings["end"]}
        for app in self.settings["apps"]:
            if not self.settings["daily_only"]:
                yield "queryAccessTimes", SAVE_PACKAGE, app, {"appId": app["id"]}
            yield "queryDailyAccessTimesLog", SAVE_USAGE, app, {"appId": app["id"], **window}

    def open(self):
        database = sqlite3.connect(self.database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript((pathlib.Path(__file__).parent / "schema.sql").read_text(encoding="utf-8"))
        return database


def signed(app, fields):
    """Headers and body of a request; signed are the bytes that are sent."""
    body = json.dumps(fields).encode()
    return {
        "User-Agent": "openApi",
        "Content-Type": "application/json; charset=utf-8",
        "accept-encoding": "gzip,deflate",
        "time-stamp": str(time.time_ns() // 1_000_000),
        "data-signature": hashlib.md5(app["key"].encode() + body).hexdigest().upper(),
    }, body


def rows(answer):
    if answer["status"] != "success":
        raise RuntimeError(f"refused: {answer['messages']}")
    seen_at = time.time_ns() // 1_000_000
    return [{**row, "seen_at": seen_at} for row in answer["data"]]
