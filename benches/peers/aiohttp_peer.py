"""aiohttp and sqlite3, 16 calls at a time in one thread. --stay: every hour, by APScheduler."""

import asyncio

import aiohttp
from common import Plan, rows, signed


async def one_pass(plan):
    database = plan.open()
    calls = iter(list(plan.calls()))
    patience = aiohttp.ClientTimeout(total=30)
    connector = aiohttp.TCPConnector(limit=plan.parallel)
    async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:

        async def work():
            for endpoint, save, app, fields in calls:
                headers, body = signed(app, fields)
                async with session.post(plan.base_url + endpoint, data=body, headers=headers) as answer:
                    answer.raise_for_status()
                    found = rows(await answer.json())
                with database:
                    database.executemany(save, found)

        await asyncio.gather(*(work() for _ in range(plan.parallel)))
    database.close()


async def main():
    plan = Plan()
    await one_pass(plan)
    if plan.stay:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler()
        scheduler.add_job(one_pass, "interval", hours=1, args=[plan])
        scheduler.start()
        await asyncio.Event().wait()


asyncio.run(main())
