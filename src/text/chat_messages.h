// Conversations as JSON, in the form of the OpenAI API and of chat templates: a list of messages, each an
// object with "role" and "content".
#pragma once

#include "base/json.h"
#include "base/result.h"

namespace qnext {

// Whether `messages` has that form. An error names the place: "messages[3].role: a string expected, got 5".
//   role        a string
//   content     a string, null, or a list of parts: objects with a string "type"; may be absent
//   tool_calls  null or a list of objects, whose "function" (or the call itself) has a string "name"; may be
//   absent
Status check_messages(const Json& messages);

// Whether `tools` is null or a list of objects.
Status check_tools(const Json& tools);

// What a template can take. Where it cannot, messages are brought into a form that says the same.
struct MessageForms {
  bool null_content = true;   // else null and absent content become ""
  bool content_parts = true;  // else texts of parts are joined by line ends; other parts are an error
  bool text_arguments =
      true;  // else arguments of tool calls given as text become the objects that they spell
};

// `messages`, checked before, in these forms.
Result<Json> adapt_messages(const Json& messages, const MessageForms& forms);

}  // namespace qnext
