/** The channel on which a writing child tells that a group of commands is answered. */

export const ANSWERED = "lockkeeper-test:answered";
