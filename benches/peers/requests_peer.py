"""requests and sqlite3; one call after the other, or --threads. --stay: every hour, by APScheduler."""

from concurrent.futures import ThreadPoolExecutor

import requests
from common import Plan, rows, signed


def one_pass(plan):
    database = plan.open()
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=plan.parallel))

        def ask(call):
            endpoint, save, app, fields = call
            headers, body = signed(app, fields)
            answer = session.post(plan.base_url + endpoint, data=body, headers=headers, timeout=30)
            answer.raise_for_status()
            return save, rows(answer.json())

        with ThreadPoolExecutor(plan.parallel) as pool:
            answers = pool.map(ask, plan.calls()) if plan.threads else map(ask, plan.calls())
            for save, found in answers:
                with database:
                    database.executemany(save, found)
    database.close()


def main():
    plan = Plan()
    one_pass(plan)
    if plan.stay:
        from apscheduler.schedulers.blocking import BlockingScheduler

        scheduler = BlockingScheduler()
        scheduler.add_job(one_pass, "interval", hours=1, args=[plan])
        scheduler.start()


main()
