// A press on this page may take seconds: it says so, and a double click presses once. The page works without this file.
"use strict";
for (const form of document.querySelectorAll(".own form[data-slow]")) {
  form.addEventListener("submit", (event) => {
    if ("sent" in form.dataset) { event.preventDefault(); return; }
    form.dataset.sent = "";
    const resumes = event.submitter && event.submitter.name !== "hand" && event.submitter.name !== "hand-all";
    document.getElementById("wait").textContent = resumes ? "Wait, resuming…: treat as recording." : "Wait, handing over…";
  });
}
