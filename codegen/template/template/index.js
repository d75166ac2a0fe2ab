import { render } from '#emit';

/** The generator recognises the type of a file by the name of this function. */
function File() {}

export default async function ({ asyncapi }) {
  const files = await render(asyncapi);
  return [...files].map(([name, children]) => ({ type: File, props: { name, children } }));
}
