import { expect, test, vi } from 'vitest';
import { showHints } from './hints.ts';

test('hints are shown as warnings, and values that no gateway sends are ignored', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  for (const hints of [undefined, null, 7, 'text', {}, [null, 7, {}, { message: 7 }]]) showHints(hints);
  expect(written).not.toHaveBeenCalled();
  showHints([{ message: 'did you mean \u001b?' }]);
  expect(written.mock.calls).toEqual([['warning: did you mean \\u001b?\n']]);
});
