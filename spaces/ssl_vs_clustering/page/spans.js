// Where words stand in a text, by characters: hidden words are found again by it when the text around them changes.
window.hfSsl ??= {};

/** The whole text of an answer: its words, and the end that the model had no room for. */
hfSsl.textOf = ({ words, rest }) => words.map((word) => word.before + word.text).join("") + rest;

/** Where each word begins and ends. */
hfSsl.spansOf = function (words) {
  let end = 0;
  return words.map(({ before, text }) => {
    const begin = end + before.length;
    end = begin + text.length;
    return { begin, end };
  });
};

/** Spans of one text as they stand in another; those that were changed are left out. */
hfSsl.movedSpans = function (spans, from, to) {
  const most = Math.min(from.length, to.length);
  let head = 0;
  while (head < most && from[head] === to[head]) head += 1;
  let tail = 0;
  while (tail < most - head && from.at(-1 - tail) === to.at(-1 - tail)) tail += 1;
  const by = to.length - from.length;
  return spans.flatMap(({ begin, end }) => {
    if (end <= head) return [{ begin, end }];
    return begin >= from.length - tail ? [{ begin: begin + by, end: end + by }] : [];
  });
};

/** Whether one of the spans is this one. */
hfSsl.hasSpan = (spans, { begin, end }) => spans.some((span) => span.begin === begin && span.end === end);

/** The numbers of the words that stand at these spans; a word that has grown or shrunk is another one. */
hfSsl.wordsAt = (words, spans) =>
  hfSsl.spansOf(words).flatMap((span, index) => (hfSsl.hasSpan(spans, span) ? [index] : []));

/** The text of an answer with one of its words replaced; a piece of a word joins the word before it. */
hfSsl.replaceWord = function ({ words, rest }, index, candidate) {
  const written = words.map((word, i) => {
    if (i !== index) return word;
    return { before: candidate.part ? "" : word.before, text: candidate.text };
  });
  return hfSsl.textOf({ words: written, rest });
};
