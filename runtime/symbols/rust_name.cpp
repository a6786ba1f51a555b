#include "symbols/rust_name.hpp"

#include <cstdint>
#include <cstdlib>

#include "symbols/symbol_text.hpp"

namespace sluice::symbols {

namespace {

// A hostile symbol can name something of any size, by referring back to parts of itself.
constexpr std::size_t longest_name = 4'000;
constexpr int most_levels = 200;

/// The type of one letter, by its letter; "" if it is none.
std::string_view basic_type(char letter) {
  static constexpr std::string_view names[] = {
      "i8",   "bool", "char", "f64", "str", "f32", "",    "u8", "isize", "usize", "",    "i32", "u32",
      "i128", "u128", "_",    "",    "",    "i16", "u16", "()", "...",   "",      "i64", "u64", "!"};
  return is_lower(letter) ? names[letter - 'a'] : "";
}

/// Reads the symbol by its grammar, and writes the name meanwhile.
class Reader {
 public:
  explicit Reader(std::string_view symbol) : text_(symbol) {}

  std::string read() {
    path();
    if (is_upper(text_.peek())) unwritten_path();  // the crate for which it was compiled
    if (!text_.ended() && text_.peek() != '.' && text_.peek() != '$') throw Malformed();
    return std::move(name_);
  }

 private:
  void write(std::string_view words) {
    if (silent_ == 0) name_ += words;
    if (name_.size() > longest_name) throw Malformed();
  }
  /// A rule that may contain itself.
  template <class Rule>
  void nested(Rule rule) {
    if (++levels_ > most_levels) throw Malformed();
    rule();
    --levels_;
  }
  /// Reads what begins at an earlier place.
  template <class Rule>
  void back(Rule rule) {
    const std::size_t after = text_.go_back();
    rule();
    text_.go_to(after);
  }
  /// Reads what is in the list until E. Returns how many were written.
  template <class Rule>
  int list(Rule rule, std::string_view separator) {
    int count = 0;
    while (!text_.skip('E')) {
      if (text_.skip('L')) {
        text_.base_62();  // a lifetime
        continue;
      }
      if (count++ > 0) write(separator);
      rule();
    }
    return count;
  }

  std::uint64_t disambiguator() { return text_.skip('s') ? text_.base_62() + 1 : 0; }
  void binder() {
    if (text_.skip('G')) text_.base_62();
  }
  void unwritten_path() {
    ++silent_;
    path();
    --silent_;
  }
  void path() {
    nested([this] { path_of(text_.next()); });
  }
  void path_of(char tag) {
    if (tag == 'B') return back([this] { path(); });
    if (tag == 'N') return member(text_.next());
    if (tag == 'C') {
      disambiguator();
      return write(text_.identifier());
    }
    if (tag == 'I') {
      path();
      write("<");
      list([this] { text_.skip('K') ? constant() : type(); }, ", ");
      return write(">");
    }
    if (tag != 'M' && tag != 'X' && tag != 'Y') throw Malformed();
    if (tag != 'Y') {  // where the impl block is
      disambiguator();
      unwritten_path();
    }
    write("<");
    type();
    if (tag != 'M') write(" as ");
    if (tag != 'M') path();
    write(">");
  }
  void member(char kind) {
    path();
    const std::uint64_t number = disambiguator();
    const std::string name(text_.identifier());
    if (is_lower(kind)) return write(name.empty() ? "" : "::" + name);
    if (!is_upper(kind)) throw Malformed();
    const std::string what = kind == 'C' ? "closure" : kind == 'S' ? "shim" : std::string(1, kind);
    write("::{" + what + (name.empty() ? "" : ":") + name + "#" + std::to_string(number) + "}");
  }

  void type() {
    nested([this] { type_of(text_.next()); });
  }
  void type_of(char tag) {
    if (const std::string_view basic = basic_type(tag); !basic.empty()) return write(basic);
    if (tag == 'B') return back([this] { type(); });
    if (tag == 'F') return function();
    if (tag == 'D') return object();
    if (tag == 'T') {
      write("(");
      return write(list([this] { type(); }, ", ") == 1 ? ",)" : ")");
    }
    if (tag == 'A' || tag == 'S') {
      write("[");
      type();
      if (tag == 'A') write("; ");
      if (tag == 'A') constant();
      return write("]");
    }
    if (std::string_view("RQPO").find(tag) == std::string_view::npos) return path_of(tag);
    if ((tag == 'R' || tag == 'Q') && text_.skip('L')) text_.base_62();
    write(tag == 'R' ? "&" : tag == 'Q' ? "&mut " : tag == 'P' ? "*const " : "*mut ");
    type();
  }
  void function() {
    binder();
    if (text_.skip('U')) write("unsafe ");
    if (text_.skip('K')) write("extern \"" + std::string(text_.skip('C') ? "C" : text_.identifier()) + "\" ");
    write("fn(");
    list([this] { type(); }, ", ");
    write(")");
    if (text_.skip('u')) return;
    write(" -> ");
    type();
  }
  /// The traits of a dyn, each with its associated types.
  void object() {
    write("dyn ");
    binder();
    list(
        [this] {
          path();
          while (text_.skip('p')) {
            const bool more = silent_ == 0 && name_.ends_with('>');  // after its generic arguments
            if (more) name_.pop_back();
            write((more ? ", " : "<") + std::string(text_.identifier()) + " = ");
            type();
            write(">");
          }
        },
        " + ");
    if (!text_.skip('L')) throw Malformed();
    text_.base_62();
  }

  void constant() {
    const char tag = text_.next();
    if (tag == 'p') return write("_");
    if (tag == 'B') return nested([this] { back([this] { constant(); }); });
    if (basic_type(tag).empty()) throw Malformed();  // of a struct or an array, which is not stable yet
    if (text_.skip('n')) write("-");
    const std::string digits(text_.hexadecimal());
    const std::string value =
        digits.size() > 16 ? "0x" + digits : std::to_string(std::strtoull(digits.c_str(), nullptr, 16));
    write(tag == 'b' ? (value == "0" ? "false" : "true") : tag == 'c' ? "'\\u{" + digits + "}'" : value);
  }

  SymbolText text_;
  std::string name_;
  int silent_ = 0;
  int levels_ = 0;
};

}  // namespace

std::optional<std::string> rust_name(std::string_view symbol) {
  if (!symbol.starts_with("_R")) return std::nullopt;
  try {
    return Reader(symbol.substr(2)).read();
  } catch (const Malformed&) {
    return std::nullopt;
  }
}

}  // namespace sluice::symbols
