/** What a request says where its schema refuses the rest of it. */
export type PartOf<Input> = { readonly [Name in keyof Input]?: Input[Name] | undefined };
