// The log's page: prints it, exports it with its progress, and keeps the place of whoever loads more with the keyboard.
(() => {
  "use strict";
  const log = document.querySelector("main.log");

  document.getElementById("print")?.addEventListener("click", () => window.print());

  // Paper says when it was printed, not when the page was opened.
  window.addEventListener("beforeprint", () => {
    const when = document.getElementById("printed");
    if (!when) return;
    when.textContent = new Intl.DateTimeFormat("en-GB", {
      timeZone: log.dataset.zone, dateStyle: "long", timeStyle: "long",
    }).format(new Date());
  });

  // Without this the link is a download like any other. What broke off is never saved as if it were whole.
  const link = document.getElementById("export");
  const told = document.getElementById("exported");
  const stop = document.getElementById("export-stop");

  function tell(sentence, running) {
    told.textContent = sentence;
    told.hidden = false;
    stop.hidden = !running;
    link.hidden = running;
  }

  async function read(answer, about) {
    const reader = answer.body.getReader();
    const parts = [];
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Blob(parts, { type: "text/csv" });
      parts.push(value);
      bytes += value.length;
      tell(`Exporting: ${(bytes / 1048576).toFixed(1)} MB of about ${about}`, true);
    }
  }

  function save(file, answer) {
    const made = document.createElement("a");
    made.href = URL.createObjectURL(file);
    made.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "log.csv";
    made.click();
    setTimeout(() => URL.revokeObjectURL(made.href), 60_000);
  }

  link?.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const wish = new AbortController();
    stop.onclick = () => wish.abort();
    tell("Exporting…", true);
    stop.focus();
    try {
      const answer = await fetch(link.href, { signal: wish.signal, headers: { "X-Background": "1" } });
      if (answer.status === 503) {
        tell("Two exports are running already. Try again when one has ended.", false);
      } else if (answer.status !== 200) {
        tell(`Not exported: voicedash answered ${answer.status}. Load this page anew.`, false);
      } else {
        save(await read(answer, link.dataset.about), answer);
        tell("Exported: your browser has saved the file.", false);
      }
    } catch {
      tell(wish.signal.aborted ? "Stopped: nothing was saved." : "The export broke off: nothing was saved. Try again.", false);
    }
    link.focus();
  });

  // The button that was pressed is gone: the first of the new lines takes the focus.
  let before = null;
  document.body.addEventListener("htmx:beforeSwap", () => {
    before = document.querySelectorAll("tr[data-entry]").length;
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const place = document.querySelectorAll("tr[data-entry]")[before ?? 0];
    const to = place?.querySelector("a") ?? document.querySelector(".further .button");
    to?.focus({ preventScroll: Boolean(place) });
  });
})();
