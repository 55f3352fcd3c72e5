// The self-supervised column of the text panel: a sentence, its words, and what a model would write in their place.
window.hfSsl ??= {};

/**
 * The column that fills in words. onText(): called when the text has changed.
 * @returns {parts: its elements, text(), load(row), start()}
 */
hfSsl.sentencePanel = function (data, onText) {
  const state = { text: data.first.text, hidden: data.first.hidden, words: [], bits: null, surprising: false };
  let model = data.models[0] ?? null;
  const box = hfSsl.element("textarea", {
    value: state.text,
    rows: 3,
    maxLength: data.longest,
    dir: "auto",
    spellcheck: false,
  });
  const words = hfSsl.element("div", {
    className: "words",
    dir: "auto",
    role: "group",
    "aria-label": "The words of the sentence",
  });
  const advice = hfSsl.element("p", { className: "advice" });
  const legend = hfSsl.surpriseLegend(words);
  const predictions = hfSsl.element("div", { className: "predictions" });
  const note = hfSsl.element("p", { className: "note" });
  const spoken = hfSsl.spoken();
  const exercise = hfSsl.element("div", { className: "exercise" }, words, legend, advice, predictions, note, spoken);
  const another = hfSsl.element("div", { className: "another" });
  const runWords = hfSsl.part(exercise);
  const runBits = hfSsl.part(hfSsl.element("div"));
  const runRow = hfSsl.part(another);
  const isNext = () => model?.kind === "next";

  /** Show the sentence's words as they are now. */
  function showWords() {
    const shown = state.words.map((word, index) => ({ ...word, hidden: state.hidden.includes(index) }));
    hfSsl.showWords(words, state.text, shown, state.surprising ? state.bits : null, isNext() ? null : toggleWord);
    legend.classList.toggle("away", !state.surprising);
    const blanks = shown.some((word) => word.hidden || word.mask);
    const [unhidden, hidden] = [
      "Click a word to hide it, or type [MASK].",
      "Click another word to hide it too, or a blank to show it again.",
    ];
    advice.textContent = state.words.length === 0 || isNext() ? "" : blanks ? hidden : unhidden;
  }

  /** Hide a word, or show it again. */
  function toggleWord(index) {
    state.hidden = state.hidden.includes(index) ? state.hidden.filter((i) => i !== index) : [...state.hidden, index];
    showWords(); // at once: the answer may take a moment
    askWords();
  }

  /** Show an answer to "fill". */
  function showFilled(answer) {
    state.words = answer.words;
    note.textContent = hfSsl.sentence(answer.note);
    showWords();
    hfSsl.showPredictions(predictions, answer.predictions, ({ word }, candidate) => {
      state.hidden = state.hidden.filter((i) => i !== word);
      write(hfSsl.replaceWord(state.text, state.words, word, candidate));
      words.querySelector(`[data-key="word-${word}"]`)?.focus();
    });
    spoken.textContent = hfSsl.sayPredictions(answer.predictions);
  }

  /** Show an answer to "next_word". */
  function showNext(answer) {
    note.textContent = hfSsl.sentence(answer.note);
    hfSsl.showNextWord(predictions, answer.candidates, (candidate) =>
      write(`${state.text}${candidate.part ? "" : " "}${candidate.text}`),
    );
    spoken.textContent = `The next word: ${answer.candidates.map(({ text }) => text).join(", ")}.`;
  }

  /** Ask what belongs into the blanks, or what comes next, and how surprising the words are. */
  function askWords() {
    if (!model) return;
    if (!state.text.trim()) {
      Object.assign(state, { words: [], bits: null });
      showWords();
      predictions.replaceChildren();
      runWords(
        async () => null,
        () => {},
      ); // what was asked before is not wanted any more
      advice.textContent = "Write a sentence above, or take a row of the data set.";
      return;
    }
    const { text, hidden } = state;
    const { name } = model;
    if (isNext()) runWords(() => hfSsl.ask("next_word", text.trimEnd(), name, data.top_k), showNext);
    else runWords(() => hfSsl.ask("fill", text, hidden, name, data.top_k), showFilled);
    askBits();
  }

  /** Ask how surprising each word is, where that is wanted. */
  function askBits() {
    if (!state.surprising || !model || !state.text.trim()) return;
    const { text } = state;
    runBits(
      () => hfSsl.ask("surprise", text, model.name),
      (answer) => {
        state.bits = answer.words.map(({ bits }) => bits);
        if (isNext()) state.words = answer.words.map((word) => ({ ...word, hidden: false, mask: false }));
        showWords();
      },
    );
  }

  /** Make this the text, as if somebody had written it. */
  function write(text) {
    state.text = text.slice(0, data.longest);
    state.bits = null;
    box.value = state.text;
    askWords();
    onText();
  }

  /** Load a row of the data set. */
  function load(row) {
    runRow(
      () => hfSsl.ask("text_row", row),
      (answer) => {
        state.hidden = [];
        write(answer.text);
      },
    );
  }

  const rested = hfSsl.debounced(() => write(state.text));
  box.addEventListener("input", () => {
    state.hidden = hfSsl.stillHidden(state.words, state.hidden, state.text, box.value);
    state.text = box.value;
    rested();
  });
  another.append(hfSsl.button("Another row", () => load(Math.floor(Math.random() * data.rows.length))));
  const choice = hfSsl.choice("Model", data.models, (name) => {
    model = data.models.find((other) => other.name === name);
    Object.assign(state, { words: [], bits: null, hidden: [] });
    predictions.replaceChildren();
    showWords();
    askWords();
  });
  const surprising = hfSsl.toggle("Colour words by surprise", (on) => {
    state.surprising = on;
    showWords();
    askBits();
  });
  const switches = hfSsl.element("div", { className: "switches" }, another, model ? surprising : null);
  const hint = data.hint ? hfSsl.element("p", { className: "hint" }, data.hint) : null;
  exercise.classList.toggle("away", !model);
  showWords();
  return {
    parts: [choice, hfSsl.labelled("A sentence", box), switches, hint, exercise].filter(Boolean),
    text: () => state.text,
    load,
    start: askWords,
  };
};
