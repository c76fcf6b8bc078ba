/** Waiting that can be seen: a spinner where a person watches, one line at the start elsewhere. */
import { cleanText } from '../../lib/text.ts';
import type { Surroundings } from '../context.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

/** Runs `work` while showing `text`; `work` may replace the text. Nothing of a spinner stays on the screen. */
export async function withProgress<T>(
  context: Surroundings,
  text: string,
  work: (show: (text: string) => void) => Promise<T>,
): Promise<T> {
  if (!context.interactive) {
    context.stderr.write(`${text} ...\n`);
    return await work(() => {});
  }
  let shown = text;
  let frame = 0;
  const draw = () => {
    context.stderr.write(`\r\x1b[2K${FRAMES[frame % FRAMES.length]} ${shown}`);
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  try {
    return await work((next) => {
      shown = cleanText(next);
    });
  } finally {
    clearInterval(timer);
    context.stderr.write('\r\x1b[2K');
  }
}
