// What an engine may leave behind: it does nothing, and is there.
setInterval(() => {}, 2 ** 30)
