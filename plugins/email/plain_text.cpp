#include "plain_text.hpp"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>
#include <stdexcept>

namespace email {

namespace {

using Tree = std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)>;

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 8> unseen{"head",  "script", "style",    "template",
                                                 "title", "object", "noscript", "select"};
constexpr std::array<std::string_view, 13> paragraphs{"p",  "h1", "h2",    "h3",         "h4",  "h5", "h6",
                                                      "ul", "ol", "table", "blockquote", "pre", "hr"};
constexpr std::array<std::string_view, 14> rows{"div",    "li",      "tr",   "section", "article",
                                                "header", "footer",  "main", "nav",     "dt",
                                                "dd",     "address", "body", "center"};

std::string attribute(const xmlNode* node, const char* name) {
  xmlChar* const text = xmlGetProp(const_cast<xmlNode*>(node), reinterpret_cast<const xmlChar*>(name));
  std::string value(view(text));
  xmlFree(text);
  return value;
}

/// Builds a text from words and line breaks.
class Writer {
 public:
  void words(std::string_view text, bool as_it_is) {
    for (const char c : text) {
      const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      if (blank && !as_it_is) {
        blank_ = true;
        continue;
      }
      if (c == '\n' && as_it_is) {
        text_ += c;
        continue;
      }
      begin_word();
      text_ += c;
    }
  }
  /// At least that many line breaks before the next word.
  void line_breaks(std::size_t count) {
    blank_ = false;
    breaks_ = std::max(breaks_, count);
  }
  void line_break() {
    blank_ = false;
    ++breaks_;
  }
  std::size_t size() const { return text_.size(); }
  std::string_view since(std::size_t begin) const { return std::string_view(text_).substr(begin); }
  std::string take() {
    if (!text_.empty()) text_ += '\n';
    return std::move(text_);
  }

 private:
  void begin_word() {
    if (!text_.empty() && breaks_ > 0) {
      text_.append(breaks_, '\n');
    } else if (!text_.empty() && blank_ && text_.back() != '\n') {
      text_ += ' ';
    }
    breaks_ = 0;
    blank_ = false;
  }

  std::string text_;
  std::size_t breaks_ = 0;
  bool blank_ = false;
};

class Walk {
 public:
  std::string text_of(const xmlNode* root) {
    const xmlNode* node = root;
    while (node != nullptr) {
      if (enter(node) && node->children != nullptr) {
        node = node->children;
        continue;
      }
      for (;;) {
        leave(node);
        if (node == root) return writer_.take();
        if (node->next != nullptr) break;
        node = node->parent;
      }
      node = node->next;
    }
    return writer_.take();
  }

 private:
  /// Returns whether to visit the node's children.
  bool enter(const xmlNode* node) {
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
      writer_.words(view(node->content), preformatted_ > 0);
      return false;
    }
    if (node->type != XML_ELEMENT_NODE) return node->type == XML_HTML_DOCUMENT_NODE;
    const std::string_view name = view(node->name);
    if (is_one_of(name, unseen)) return false;
    break_lines(name);
    if (name == "br") writer_.line_break();
    if (name == "hr") writer_.words("---", false);
    if (name == "li") writer_.words("- ", true);
    if (name == "td" || name == "th") writer_.words(" ", false);
    if (name == "img") writer_.words(attribute(node, "alt"), false);
    if (name == "pre") ++preformatted_;
    if (name == "a") link_begins_ = writer_.size();
    return true;
  }

  void leave(const xmlNode* node) {
    if (node->type != XML_ELEMENT_NODE) return;
    const std::string_view name = view(node->name);
    if (is_one_of(name, unseen)) return;
    if (name == "a") end_link(attribute(node, "href"));
    if (name == "pre") --preformatted_;
    break_lines(name);
  }

  void break_lines(std::string_view name) {
    if (is_one_of(name, paragraphs)) writer_.line_breaks(2);
    if (is_one_of(name, rows)) writer_.line_breaks(1);
  }

  void end_link(std::string address) {
    if (address.rfind("mailto:", 0) == 0) address.erase(0, 7);
    if (address.empty() || address.front() == '#' || address.rfind("javascript:", 0) == 0) return;
    const std::string_view text = writer_.since(std::min(link_begins_, writer_.size()));
    if (text.find(address) != std::string_view::npos) return;
    writer_.words(" ", false);
    writer_.words("(" + address + ")", false);
  }

  Writer writer_;
  int preformatted_ = 0;
  std::size_t link_begins_ = 0;
};

}  // namespace

std::string plain_text_of(std::string_view html) {
  if (html.size() > INT_MAX) throw std::runtime_error("the HTML is over 2 GB");
  constexpr int quietly =
      HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_COMPACT;
  const Tree tree(htmlReadMemory(html.data(), static_cast<int>(html.size()), nullptr, "UTF-8", quietly),
                  &xmlFreeDoc);
  return tree ? Walk().text_of(xmlDocGetRootElement(tree.get())) : std::string();
}

}  // namespace email
