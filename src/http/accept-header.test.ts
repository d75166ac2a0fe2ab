import { describe, expect, test } from 'vitest';
import { prefersJson, wantsMarkdown } from './accept-header.ts';

describe('a client prefers JSON to YAML', () => {
  test.each([
    ['application/json'],
    ['APPLICATION/JSON ; charset=utf-8'],
    ['application/json, */*;q=0.1'],
    ['application/yaml;q=0.5, application/json;q=0.9'],
    ['application/json;q=0.001'],
    ['*/*, application/yaml;q=0'],
    ['text/html, application/json;q=0.2'],
  ])('with %j', (accept) => {
    expect(prefersJson(accept)).toBe(true);
  });

  test.each([
    [undefined],
    [''],
    ['*/*'],
    ['application/*'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['application/json;q=0'],
    ['application/json;q=2'],
    ['application/json, application/yaml'],
    ['application/json;q=0.4, */*;q=0.5'],
    ['application/json-patch+json'],
  ])('not with %j', (accept) => {
    expect(prefersJson(accept)).toBe(false);
  });
});

describe('a client wants Markdown', () => {
  test.each([
    ['text/markdown'],
    ['Text/Markdown; charset=utf-8'],
    ['text/markdown, text/html, */*'],
    ['text/html;q=0.5, text/markdown;q=0.5'],
    ['text/markdown, */*;q=0.1'],
    ['*/*, text/html;q=0, text/markdown;q=0.2'],
  ])('with %j', (accept) => {
    expect(wantsMarkdown(accept)).toBe(true);
  });

  test.each([
    [undefined],
    [''],
    ['*/*'],
    ['text/*'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['text/markdown;q=0'],
    ['text/markdown;q=0.5, text/html'],
    ['text/markdown;q=0.5, */*'],
    ['text/markdown-extra'],
  ])('not with %j', (accept) => {
    expect(wantsMarkdown(accept)).toBe(false);
  });
});
