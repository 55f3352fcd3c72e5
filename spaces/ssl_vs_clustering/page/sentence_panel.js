// The self-supervised column of the text panel: a sentence, its words, and what a model would write in their place.
window.hfSsl ??= {};

/**
 * The column that fills in words. onText(): called when the text has changed.
 * @returns {parts: its elements, text(), load(row), start()}
 */
hfSsl.sentencePanel = function (data, onText) {
  // hidden: where hidden words stand in the text; filled and measured: the last answers, each with the text it is about
  const state = { text: data.first.text, hidden: data.first.hidden, filled: null, measured: null, surprising: false };
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
  const rightFirst = hfSsl.element("p", { className: "right-first note" });
  const note = hfSsl.element("p", { className: "note" });
  const spoken = hfSsl.spoken();
  const surprise = hfSsl.element("div", {}, legend);
  const exercise = hfSsl.element("div", { className: "exercise" }, words, surprise, advice, predictions, rightFirst, note, spoken);
  const rowNote = hfSsl.element("p", { className: "note" });
  const another = hfSsl.element("div", { className: "another" });
  const runWords = hfSsl.part(exercise);
  const runBits = hfSsl.part(surprise);
  const runRow = hfSsl.part(another);
  const isNext = () => model?.kind === "next";

  /** Show the sentence's words as they are now. */
  function showWords() {
    const { filled, measured, surprising } = state;
    const answer = (isNext() ? surprising && measured : filled) || { text: "", words: [], rest: "" };
    const gone = hfSsl.wordsAt(answer.words, hfSsl.movedSpans(state.hidden, state.text, answer.text));
    const shown = answer.words.map((word, index) => ({ ...word, hidden: gone.includes(index) }));
    const known = surprising && measured?.text === answer.text;
    const bits = known ? measured.words.map((word) => word.bits) : null;
    hfSsl.showWords(words, { words: shown, rest: answer.rest }, bits, isNext() ? null : toggleWord);
    surprise.classList.toggle("away", !surprising);
    const blanks = shown.some((word) => word.hidden || word.mask);
    const [unhidden, hidden] = [
      "Click a word to hide it, or type [MASK].",
      "Click another word to hide it too, or a blank to show it again.",
    ];
    advice.textContent = shown.length === 0 || isNext() ? "" : blanks ? hidden : unhidden;
  }

  /** Hide a word, or show it again; not while the words are those of an older text. */
  function toggleWord(index) {
    if (state.filled.text !== state.text) return;
    const span = hfSsl.spansOf(state.filled.words)[index];
    const others = state.hidden.filter((other) => !hfSsl.hasSpan([span], other));
    state.hidden = hfSsl.hasSpan(state.hidden, span) ? others : [...others, span];
    showWords(); // at once: the answer may take a moment
    askWords();
  }

  /** Put a candidate in the place of a word; words that are hidden elsewhere stay so. */
  function putIn(answer, index, candidate) {
    if (answer.text !== state.text) return; // somebody has written since
    const span = hfSsl.spansOf(answer.words)[index];
    const others = state.hidden.filter((other) => !hfSsl.hasSpan([span], other));
    const text = hfSsl.replaceWord(answer, index, candidate);
    write(text, hfSsl.movedSpans(others, hfSsl.textOf(answer), text));
    words.querySelector(`[data-key="word-${index}"]`)?.focus();
  }

  /** Show an answer to "fill". */
  function showFilled(answer) {
    if (answer.text !== state.text) return; // the next question is on its way
    state.filled = answer;
    note.textContent = hfSsl.sentence(answer.note);
    showWords();
    hfSsl.showPredictions(predictions, answer.predictions, ({ word }, candidate) => putIn(answer, word, candidate));
    showRightFirst(answer.predictions.length > 0);
    spoken.textContent = hfSsl.sayPredictions(answer.predictions);
  }

  /** Say how often the model is right, beside its answers. */
  function showRightFirst(asked) {
    const { right, rows } = data.right_first[model.name] ?? { rows: 0 };
    const known = asked && rows > 0;
    rightFirst.textContent = known
      ? `In ${rows} held-out rows with one word hidden in each, this model put the right word first ${right} times.`
      : "";
  }

  /** Show an answer to "next_word". */
  function showNext(answer) {
    note.textContent = hfSsl.sentence(answer.note);
    rightFirst.textContent = "";
    hfSsl.showNextWord(predictions, answer.candidates, ({ part, text }) => {
      if (answer.text === state.text) write(`${answer.text.trimEnd()}${part ? "" : " "}${text}`, []);
    });
    spoken.textContent = `The next word: ${answer.candidates.map(({ text }) => text).join(", ")}.`;
  }

  /** Ask what belongs into the blanks; in a new text, the server first says which words stand where. */
  async function fill(text, hidden, name) {
    const ask = async (places) => ({ ...(await hfSsl.ask("fill", text, places, name, data.top_k)), text });
    if (state.filled?.text === text) return ask(hfSsl.wordsAt(state.filled.words, hidden));
    const answer = await ask([]);
    const places = hfSsl.wordsAt(answer.words, hidden);
    return places.length ? ask(places) : answer;
  }

  /** Ask what belongs into the blanks, or what comes next. */
  function askWords() {
    const { text, hidden } = state;
    const { name } = model;
    const next = async () => ({ ...(await hfSsl.ask("next_word", text.trimEnd(), name, data.top_k)), text });
    if (isNext()) runWords(next, showNext);
    else runWords(() => fill(text, hidden, name), showFilled);
  }

  /** Ask how surprising each word is, where that is wanted and not known. */
  function askBits() {
    runBits.forget();
    const { text, surprising, measured } = state;
    if (!surprising || !text.trim() || measured?.text === text) return;
    const { name } = model;
    runBits(
      () => hfSsl.ask("surprise", text, name),
      (answer) => {
        state.measured = { ...answer, text };
        showWords();
      },
    );
  }

  /** Ask all there is to ask about the text. */
  function askAll() {
    if (!model) return;
    askBits();
    if (state.text.trim()) {
      askWords();
      return;
    }
    runWords.forget();
    Object.assign(state, { filled: null, measured: null });
    showWords();
    predictions.replaceChildren();
    note.textContent = "";
    advice.textContent = "Write a sentence above, or take a row of the data set.";
  }

  /** Make this the text, as if somebody had written it, with words hidden at these places. */
  function write(text, hidden) {
    box.value = text.slice(0, data.longest);
    Object.assign(state, { text: box.value, hidden }); // the box has line ends of its own
    rowNote.textContent = "";
    askAll();
    onText();
  }

  /** Load a row of the data set. */
  function load(row) {
    runRow(
      () => hfSsl.ask("text_row", row),
      (answer) => {
        write(answer.text, []);
        rowNote.textContent = hfSsl.sentence(answer.note);
      },
    );
  }

  const rested = hfSsl.debounced(() => write(state.text, state.hidden));
  box.addEventListener("input", () => {
    state.hidden = hfSsl.movedSpans(state.hidden, state.text, box.value);
    state.text = box.value;
    rested();
  });
  another.prepend(hfSsl.button("Another row", () => load(Math.floor(Math.random() * data.rows.length))), rowNote);
  const choice = hfSsl.choice("Model", data.models, (name) => {
    model = data.models.find((other) => other.name === name);
    Object.assign(state, { filled: null, measured: null, hidden: [] });
    predictions.replaceChildren();
    showWords();
    askAll();
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
    start: askAll,
  };
};
