import type { ChatHistoryItem, JinjaTemplateChatWrapper, LlamaModel, LlamaText, Token } from 'node-llama-cpp'
import { badRequest } from './api-error.js'
import { log, oneLine } from './log.js'

export type ChatMessage = { role: 'system' | 'user' | 'assistant'; content: string }

/** A conversation as tokens that end where the answer begins, and the tokens that end that answer. */
export type ChatTemplate = (messages: ChatMessage[]) => { tokens: Token[]; endTokens: ReadonlySet<Token> }

/**
 * The chat template of the GGUF itself, rendered as it is: not one that looks alike. Content of messages is never read as special tokens,
 * so a user cannot forge a system message. Null when the file has no template, or one that does not render.
 */
export function createChatTemplate(llamacpp: typeof import('node-llama-cpp'), model: LlamaModel): ChatTemplate | null {
  const template = model.fileInfo.metadata.tokenizer?.chat_template
  if (template === undefined || template.trim() === '') return null
  try {
    const wrapper = new llamacpp.JinjaTemplateChatWrapper({
      template,
      tokenizer: model.tokenizer,
      functionCallMessageTemplate: 'noJinja',
      joinAdjacentMessagesOfTheSameType: false,
      trimLeadingWhitespaceInResponses: false,
    })
    return (messages) => render(wrapper, model, messages)
  } catch (error) {
    log(`the chat template does not render, /v1/chat/completions is off: ${oneLine((error as Error).message)}`)
    return null
  }
}

function render(wrapper: JinjaTemplateChatWrapper, model: LlamaModel, messages: ChatMessage[]): ReturnType<ChatTemplate> {
  try {
    const { contextText, stopGenerationTriggers } = wrapper.generateContextState({
      chatHistory: [...messages.map(toHistoryItem), { type: 'model', response: [] }],
    })
    return { tokens: contextText.tokenize(model.tokenizer), endTokens: endTokens(model, stopGenerationTriggers) }
  } catch (error) {
    throw badRequest('template_refused', `the model's chat template refuses these messages: ${(error as Error).message}`, 'messages')
  }
}

function toHistoryItem({ role, content }: ChatMessage): ChatHistoryItem {
  return role === 'assistant' ? { type: 'model', response: [content] } : { type: role, text: content }
}

/** What follows an answer in the template ends it, when it is a special token: text alone would end answers too early. */
function endTokens(model: LlamaModel, triggers: readonly LlamaText[]): ReadonlySet<Token> {
  const first = triggers.map((trigger) => trigger.tokenize(model.tokenizer)[0])
  return new Set(first.filter((token) => token !== undefined && model.isSpecialToken(token)) as Token[])
}
