"use strict";
(() => {
  const form = document.getElementById("filter");
  if (form) {
    const shown = document.getElementById("shown");
    const findings = [...document.querySelectorAll(".findings > li")];
    const texts = findings.map((finding) => finding.textContent.toLowerCase());
    const apply = () => {
      const severities = new Set([...form.querySelectorAll("[name=severity]:checked")].map((box) => box.value));
      const rule = form.elements.rule.value;
      const path = form.elements.path.value;
      const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      findings.forEach((finding, number) => {
        const { severity, rule: ownRule, path: ownPath } = finding.dataset;
        const matches =
          severities.has(severity) &&
          (!rule || rule === ownRule) &&
          (!path || path === ownPath) &&
          words.every((word) => texts[number].includes(word));
        finding.hidden = !matches;
        count += matches;
      });
      shown.textContent = `${count} of ${findings.length} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(); // a page that is loaded again keeps what was chosen
  }

  // A link into what is folded away, or filtered out, brings it to light.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    target.hidden = false;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Paper cannot be unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const fold of folded) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of folded) fold.open = false;
  });
})();
