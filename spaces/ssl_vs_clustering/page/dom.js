// Elements are made with textContent and attributes alone: texts of data sets may be anything, so none of them is ever parsed.
window.hfSsl ??= {};

/** Make an element; names with a dash and unknown names become attributes, empty values are left out. */
hfSsl.element = function (tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

/** Make an SVG element with these attributes. */
hfSsl.drawing = function (tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/** Text of a person or a data set, in its own writing direction. */
hfSsl.said = (text, className = "said") => hfSsl.element("bdi", { className, dir: "auto" }, text);

/** A name for an element that no other element has. */
hfSsl.uniqueName = function (word) {
  hfSsl.namesGiven = (hfSsl.namesGiven ?? 0) + 1;
  return `hfssl-${word}-${hfSsl.namesGiven}`;
};

/** A column of a panel: a heading with the kind of learning, a sentence, and what follows. */
hfSsl.column = function (title, kind, lead, ...children) {
  const id = hfSsl.uniqueName("heading");
  return hfSsl.element(
    "section",
    { className: "side", "aria-labelledby": id },
    hfSsl.element("p", { className: "kind" }, kind),
    hfSsl.element("h2", { id }, title),
    hfSsl.element("p", { className: "lead" }, lead),
    ...children,
  );
};

/** The headline of a panel and its one sentence. */
hfSsl.headline = function (title, ...sentence) {
  return hfSsl.element(
    "header",
    { className: "headline" },
    hfSsl.element("h1", {}, title),
    hfSsl.element("p", {}, ...sentence),
  );
};

/** A line that screen readers speak when it changes; nobody sees it. */
hfSsl.spoken = () => hfSsl.element("p", { className: "unseen", role: "status", "aria-live": "polite" });

/** Fill a place anew; what had the focus keeps it, found by its data-key. */
hfSsl.refill = function (place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.closest("[data-key]") : null;
  place.replaceChildren(...children);
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused.dataset.key)}"]`)?.focus({ preventScroll: true });
};

/** Call back with the width of an element whenever it changes; never while the element is not shown. */
hfSsl.onWidth = function (element, callback) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === 0 || element.clientWidth === width) return;
    width = element.clientWidth;
    callback(width);
  }).observe(element);
};

/** A share as people read it: 21%, 4.3%, 0.12%. */
hfSsl.percent = function (share) {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.01) return "<0.01%";
  return `${percent.toFixed(percent >= 10 || percent === 0 ? 0 : percent >= 1 ? 1 : 2)}%`;
};
