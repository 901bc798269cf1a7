// Renews the page without a flicker: the next one is fetched whole, and its <main> takes the place of this one's.
"use strict";
(() => {
  const PERIOD = 30_000;
  let timer;

  const renew = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("main").replaceWith(next.querySelector("main"));
      document.title = next.title;
      document.getElementById("lost").hidden = true;
    } catch {
      // What stands there grows old: say so.
      document.getElementById("lost").hidden = false;
    }
    schedule();
  };

  const schedule = () => {
    timer = setTimeout(() => (document.hidden ? undefined : renew()), PERIOD);
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? undefined : renew()));
  schedule();
})();
