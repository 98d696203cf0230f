// The template of models that bring none. tests/data/templates/instruct.jinja is the same text.
#include "text/chat_template.h"

namespace qnext {

std::string_view ChatTemplate::built_in_source() {
  // clang-format off
  static constexpr std::string_view kSource = R"jinja({#- ChatML with tools, as the instruct models of Qwen3-Next speak it. -#}
{%- macro text_of(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is sequence and content is not mapping -%}
    {%- for part in content -%}
      {{- part if part is string else part.text -}}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- set starts_with_system = messages and messages[0].role == 'system' -%}
{%- if tools or starts_with_system -%}
  {{- '<|im_start|>system\n' -}}
  {%- if starts_with_system -%}
    {{- text_of(messages[0].content) -}}
    {{- '\n\n' if tools -}}
  {%- endif -%}
  {%- if tools -%}
    {{- '# Tools\n\nYou may call one or more functions to assist with the user query.\n\n' -}}
    {{- 'You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n' -}}
    {%- for tool in tools -%}
      {{- tool | tojson -}}
      {{- '\n' -}}
    {%- endfor -%}
    {{- '</tools>\n\nFor each function call, return a json object with function name and arguments' -}}
    {{- ' within <tool_call></tool_call> XML tags:\n<tool_call>\n' -}}
    {{- '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>' -}}
  {%- endif -%}
  {{- '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
  {%- set content = text_of(message.content) -%}
  {%- if message.role == 'assistant' -%}
    {{- '<|im_start|>assistant\n' + content -}}
    {%- for call in message.tool_calls or [] -%}
      {%- set function = call.function or call -%}
      {{- '\n' if content or not loop.first -}}
      {{- '<tool_call>\n{"name": "' + function.name + '", "arguments": ' -}}
      {{- function.arguments if function.arguments is string else function.arguments | tojson -}}
      {{- '}\n</tool_call>' -}}
    {%- endfor -%}
    {{- '<|im_end|>\n' -}}
  {%- elif message.role == 'tool' -%}
    {{- '<|im_start|>user' if loop.first or loop.previtem.role != 'tool' -}}
    {{- '\n<tool_response>\n' + content + '\n</tool_response>' -}}
    {{- '<|im_end|>\n' if loop.last or loop.nextitem.role != 'tool' -}}
  {%- elif message.role != 'system' or not loop.first -%}
    {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' -}}
  {%- endif -%}
{%- endfor -%}
{{- '<|im_start|>assistant\n' if add_generation_prompt -}}
)jinja";
  // clang-format on
  return kSource;
}

}  // namespace qnext
