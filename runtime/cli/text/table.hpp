// Tables for people.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

/// Rows under a header, columns as wide as their widest cell (in characters), two spaces between them. The
/// columns whose number is in `right` are flush right. The text of every cell is made harmless to a terminal
/// and put on one line.
std::string table(std::vector<std::vector<std::string>> rows, const std::vector<std::size_t>& right = {});

/// 1234567 as "1,234,567".
std::string grouped(long long number);

}  // namespace sluice::cli
