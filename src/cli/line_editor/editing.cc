// Line editing by libedit.
#include <histedit.h>

#include <clocale>
#include <cstdio>

#include "cli/line_editor.h"

namespace qnext {
namespace {

constexpr int kHistoryLines = 1000;

class EditedLines : public LineReader {
 public:
  EditedLines() {
    std::setlocale(LC_CTYPE, "C.UTF-8");  // libedit reads characters, not bytes
    editor_ = el_init("qnext", stdin, stderr, stderr);
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_PROMPT, &prompt_of);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 1);  // suspending and resizing
    // Ctrl-C is a key like others while a line is typed, and a signal otherwise.
    el_set(editor_, EL_SETTY, "-d", "intr=", nullptr);
    el_set(editor_, EL_ADDFN, "qnext-interrupt", "give up the line", &on_interrupt);
    el_set(editor_, EL_BIND, "^C", "qnext-interrupt", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }

  ~EditedLines() override {
    history_end(history_);
    el_end(editor_);
  }

  Event read(const std::string& prompt, std::string& line) override {
    prompt_ = prompt;
    interrupted_ = false;
    int count = 0;
    const char* text = el_gets(editor_, &count);
    if (interrupted_) {
      std::fputs("\n", stderr);
      return Event::kInterrupt;
    }
    if (!text || count <= 0) {
      std::fputs("\n", stderr);
      return Event::kEnd;
    }
    line = text;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    HistEvent event;
    if (!line.empty()) history(history_, &event, H_ENTER, line.c_str());
    return Event::kLine;
  }

 private:
  static EditedLines* self(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return static_cast<EditedLines*>(data);
  }
  static char* prompt_of(EditLine* editor) { return self(editor)->prompt_.data(); }
  static unsigned char on_interrupt(EditLine* editor, int) {
    self(editor)->interrupted_ = true;
    return CC_EOF;
  }

  EditLine* editor_;
  History* history_;
  std::string prompt_;
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_terminal_lines() { return std::make_unique<EditedLines>(); }

}  // namespace qnext
