// The sentence as words: each is a button that hides it; how surprising it is can be seen under it.
window.hfSsl ??= {};

/** So many bits are as surprising as the scale can show. */
hfSsl.mostBits = 16;

/** So many characters are shown of the end that the model had no room for. */
hfSsl.longestRest = 80;

/** Show how surprising a word is: a tint, the height of the line under it, and in words. */
hfSsl.colourWord = function (word, bits) {
  if (bits === null || bits === undefined) return;
  word.classList.add("surprise");
  word.style.setProperty("--surprise", Math.min(1, bits / hfSsl.mostBits).toFixed(3));
  word.dataset.bits = `${bits.toFixed(1)} bits`;
  word.append(hfSsl.element("span", { className: "unseen" }, `, ${bits.toFixed(1)} bits`));
};

/** One word of the sentence; blank is its number among the blanks, or 0. */
hfSsl.word = function (word, index, blank, onToggle) {
  const text = hfSsl.element("bdi", { className: "letters" }, word.text);
  const number = blank ? hfSsl.element("span", { className: "number", "aria-hidden": "true" }, String(blank)) : null;
  if (word.mask) return hfSsl.element("span", { className: "word blank" }, text, number);
  if (!onToggle) return hfSsl.element("span", { className: "word", tabIndex: 0 }, text);
  return hfSsl.element(
    "button",
    {
      type: "button",
      className: blank ? "word blank" : "word",
      "data-key": `word-${index}`,
      "aria-pressed": String(Boolean(blank)),
      "aria-label": blank ? `${word.text}, hidden as blank ${blank}` : null,
      onclick: () => onToggle(index),
    },
    text,
    number,
  );
};

/**
 * Show the words of a text; rest: its end that the model had no room for; bits: of each word or null;
 * onToggle(index) hides or shows one, null where none can be hidden.
 */
hfSsl.showWords = function (place, { words, rest }, bits, onToggle) {
  let blanks = 0;
  const shown = [];
  words.forEach((word, index) => {
    const blank = word.mask || word.hidden ? (blanks += 1) : 0;
    const made = hfSsl.word(word, index, blank, onToggle);
    if (bits && !blank) hfSsl.colourWord(made, bits[index]);
    shown.push(document.createTextNode(word.before), made);
  });
  const shownRest = rest.length > hfSsl.longestRest ? `${rest.slice(0, hfSsl.longestRest)}…` : rest;
  hfSsl.refill(place, ...shown, hfSsl.element("span", { className: "rest" }, shownRest));
};

/** What the colours of the words in a place mean, and the number of the one that is pointed at or has the focus. */
hfSsl.surpriseLegend = function (place) {
  const number = hfSsl.element("span", { className: "bits" });
  const show = ({ target }) => {
    const word = target.closest("[data-bits]");
    number.replaceChildren(
      ...(word ? [hfSsl.said(word.querySelector(".letters").textContent), ` ${word.dataset.bits}`] : []),
    );
  };
  place.addEventListener("pointerover", show);
  place.addEventListener("focusin", show);
  return hfSsl.element(
    "p",
    { className: "surprise-legend" },
    hfSsl.element("span", {}, "expected"),
    hfSsl.element("span", { className: "scale", "aria-hidden": "true" }),
    hfSsl.element("span", {}, `surprising (${hfSsl.mostBits} bits or more)`),
    number,
  );
};
