/** The texts of the keyboard: what the keys do, and the jump to a user. */

export const KEYBOARD = {
  title: "Keyboard",
  lead: "These keys work everywhere but in fields and dialogs.",
  caption: "Keys",
  key: "Key",
  does: "Does",
  help: "Shows this help",
  jump: "Jumps to a user by id",
  goTo: (page: string): string => `Goes to ${page}`,
  next: "then",
  isOn: "Use these keys",
  jumpTitle: "Jump to a user",
  jumpId: "User id",
  jumpHint: "The whole id, as programs know it. To search by name use “Users”.",
  jumpMissing: "Type an id.",
  go: "Go",
};
