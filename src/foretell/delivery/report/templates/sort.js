(function () {
  "use strict";
  const key = (row, i) => {
    const text = row.cells[i].innerText.trim().replace(/^under /, "").replace("−", "-");
    return /^\d{4}-\d\d/.test(text) || !/^[+±-]?\d/.test(text) ? text : Number(text.replace(/[,±]/g, "").match(/^[+-]?[\d.]+/)[0]);
  };
  const compare = (a, b) => (typeof a === typeof b ? (typeof a === "number" ? a - b : a.localeCompare(b)) : typeof a === "number" ? 1 : -1);
  document.querySelectorAll("table.sorts").forEach((table) => table.querySelectorAll("thead th").forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rows = [...table.tBodies[0].rows], numbers = typeof key(rows[0], i) === "number", was = head.getAttribute("aria-sort");
      const up = was ? was === "descending" : !numbers;
      table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort((a, b) => (up ? 1 : -1) * compare(key(a, i), key(b, i))).forEach((row) => table.tBodies[0].append(row));
    });
  }));
})();
