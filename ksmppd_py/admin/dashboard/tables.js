// Tables that are updated in place, so that focus and selection stay.

// columns: [{ name, of: (row) => text or Node or null, kind: "figure" | "act" | "wide" | undefined, sort }]
// Where columns have a `sort`, their heads are buttons that call sort(column); order: { sort, descending } is shown there.
export function showTable(place, { label, columns, rows, key, kind, empty, order, sort }) {
  if (rows.length === 0) {
    if (place.firstElementChild?.className !== "empty") {
      const words = document.createElement("p");
      words.className = "empty";
      place.replaceChildren(words);
    }
    place.firstElementChild.textContent = empty;
    return;
  }
  let table = place.querySelector("table");
  if (table === null) {
    table = makeTable(label, columns, sort);
    place.replaceChildren(table);
  }
  if (order) showOrder(table, columns, order);
  const body = table.tBodies[0];
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  let before = null;
  for (const row of rows) {
    const name = key(row);
    const shown = known.get(name) ?? makeRow(columns);
    known.delete(name);
    shown.dataset.key = name;
    shown.className = kind?.(row) ?? "";
    fill(shown, columns, row);
    const next = before === null ? body.firstElementChild : before.nextElementSibling;
    if (next !== shown) body.insertBefore(shown, next);
    before = shown;
  }
  for (const gone of known.values()) gone.remove();
}

function showOrder(table, columns, order) {
  columns.forEach((column, index) => {
    const head = table.tHead.rows[0].cells[index];
    if (!column.sort || column.sort !== order.sort) head.removeAttribute("aria-sort");
    else head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
  });
}

function makeTable(label, columns, sort) {
  const table = document.createElement("table");
  table.setAttribute("aria-label", label);
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const { name, kind } = column;
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = kind ?? "";
    if (kind === "act") cell.setAttribute("aria-label", name);
    else if (column.sort) cell.append(sorter(name, () => sort(column)));
    else cell.textContent = name;
    head.append(cell);
  }
  table.createTBody();
  return table;
}

function sorter(name, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "sorter";
  made.textContent = name;
  made.title = `Sort by ${name}`;
  made.onclick = press;
  return made;
}

function makeRow(columns) {
  const row = document.createElement("tr");
  for (const { name, kind } of columns) {
    const cell = row.insertCell();
    cell.className = kind ?? "";
    cell.dataset.name = name;
  }
  return row;
}

function fill(shown, columns, row) {
  columns.forEach(({ of }, index) => {
    const cell = shown.cells[index];
    const content = of(row, cell);
    if (content instanceof Node) {
      if (cell.firstChild !== content || cell.childNodes.length !== 1) cell.replaceChildren(content);
    } else if (cell.firstElementChild !== null || cell.textContent !== String(content ?? "")) {
      cell.textContent = content ?? "";
    }
  });
}

// Reuses the cell's button, so that a press isn't lost during an update.
export function button(cell, words, label, press, kind = "danger") {
  const made = cell.querySelector("button") ?? document.createElement("button");
  made.type = "button";
  made.className = `small ${kind}`;
  made.textContent = words;
  made.setAttribute("aria-label", label);
  made.onclick = press;
  return made;
}

// A name that shows and hides the rows below it.
export function fold(cell, name, isOpen, label, press) {
  const made = cell.querySelector("button") ?? document.createElement("button");
  made.type = "button";
  made.className = "fold";
  if (made.textContent !== name) made.textContent = name;
  made.setAttribute("aria-expanded", String(isOpen));
  made.setAttribute("aria-label", label);
  made.onclick = press;
  return made;
}

export function pill(cell, words, good) {
  const made = cell.querySelector(".pill") ?? document.createElement("span");
  made.className = `pill ${good ? "good" : "bad"}`;
  made.textContent = words;
  return made;
}
