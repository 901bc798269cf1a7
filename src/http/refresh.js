// Renews the page without a flicker: the next one is fetched whole, and its parts take the place of this one's.
"use strict";
(() => {
  const PERIOD = 30_000;
  const PARTS = ["header", "main", "footer"];
  let timer;

  const keepOpen = (from, to) => {
    // What a reader has unfolded stays so.
    const unfolded = new Set();
    from.querySelectorAll("details").forEach((part, index) => part.open && unfolded.add(part.id || index));
    to.querySelectorAll("details").forEach((part, index) => {
      part.open = unfolded.has(part.id || index);
    });
  };

  const renew = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of PARTS) {
        const [old, fresh] = [document, next].map((page) => page.querySelector(`body > ${part}`));
        keepOpen(old, fresh);
        old.replaceWith(fresh);
      }
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
