# Writes OUTPUT, the definition of sql_files() in postgres/sql.hpp, from FILES, relative to SOURCE, separated by commas.
file(WRITE ${OUTPUT}.new "// Made from the .sql files of runtime/postgres.
#include \"postgres/sql.hpp\"

namespace sluice::postgres {

std::span<const SqlFile> sql_files() {
  static constexpr SqlFile files[] = {
")
string(REPLACE "," ";" files "${FILES}")
foreach(file ${files})
  file(READ ${SOURCE}/${file} text)
  file(APPEND ${OUTPUT}.new "{\"${file}\", R\"sluice(${text})sluice\"},\n")
endforeach()
file(APPEND ${OUTPUT}.new "  };
  return files;
}

}  // namespace sluice::postgres
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
