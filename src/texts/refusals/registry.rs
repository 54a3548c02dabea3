//! Refusals 6xx: the directory.

use super::pages;

pages! {
    AGENCY_EXISTS
    vi
        "Cơ quan này đã được đăng ký."
        "Danh bạ đã có mã định danh này, ở dạng 13 ký tự hoặc dạng QĐ 20/2020."
        "registerAgency với H53.13 khi đã có 000.00.13.H53."
        "Không cần đăng ký lại; dùng mã đã có."
    en
        "This agency is registered already."
        "The directory has this code, in the 13-character form or that of QĐ 20/2020."
        "registerAgency with H53.13 where 000.00.13.H53 exists."
        "Nothing is to be done; use the code that exists.";
    AGENCY_UNKNOWN
    vi
        "Danh bạ không có cơ quan này."
        "Mã cần xóa, khóa hoặc tra cứu chưa được đăng ký."
        "deleteAgency với một mã gõ nhầm."
        "Kiểm tra mã bằng getAgenciesList."
    en
        "The directory has no such agency."
        "The code to be removed, locked or looked up is not registered."
        "deleteAgency with a mistyped code."
        "Check the code with getAgenciesList.";
    AGENCY_NOT_BELOW_YOURS
    vi
        "Chỉ được đăng ký cơ quan trực thuộc mình."
        "Mã mới không nằm dưới mã của thành viên đang gọi."
        "Thành viên H53 đăng ký mã H41.02."
        "Để cơ quan cấp trên của đơn vị đó đăng ký."
    en
        "Only agencies below your own can be registered."
        "The new code is not below a code of the calling member."
        "The member of H53 registers the code H41.02."
        "Let the agency above that unit register it.";
    CODE_INVALID
    vi
        "Mã định danh không đúng dạng."
        "Mã phải có dạng 13 ký tự (000.00.13.H53) hoặc dạng QĐ 20/2020 (H53.13), chỉ gồm chữ, số \
         và dấu chấm."
        "Mã là H53..13 hoặc SỞ-TTTT."
        "Sửa mã theo một trong hai dạng."
    en
        "The agency code is not well formed."
        "A code has 13 characters (000.00.13.H53) or the form of QĐ 20/2020 (H53.13): letters, \
         digits and dots."
        "The code is H53..13 or SỞ-TTTT."
        "Write the code in one of the two forms.";
}
