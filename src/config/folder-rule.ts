import { resolve } from 'node:path'
import { z } from 'zod'

/** The kernel's own views. Node's recursive mkdir never ends there: it takes what a parent answers for a folder that is still to be made. */
const KERNEL_VIEW = /^\/(proc|sys)(\/|$)/

export const isKernelView = (path: string): boolean => KERNEL_VIEW.test(resolve(path))

/** A folder that we write to. */
export const Folder = z.string().refine((path) => !isKernelView(path), 'must be a folder that can be written, not one below /proc or /sys')
