import { z } from 'zod'

// Each run of a workflow has a world of its own: compiling a parser for its few inputs there costs more than it saves. Schemas ask when they are made.
z.config({ jitless: true })
