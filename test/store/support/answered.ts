/** The channel on which a writing child reports that a group of commands is answered. */

export const ANSWERED = "lockkeeper-test:answered";
